import type { Clock } from '../../src/domain/ports';
import { ConnectionRate } from '../../src/system/connection-rate';

let nowMs: number;
let rate: ConnectionRate;
const clock: Clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => {} };
const admitted = (pid: number, tries: number): number => Array.from({ length: tries }, () => rate.admits(pid)).filter(Boolean).length;

beforeEach(() => {
  nowMs = 0;
  rate = new ConnectionRate(clock, { burst: 200, perSecond: 50 });
});

test('a burst, and then so many a second', () => {
  expect(admitted(7, 1000)).toBe(200);
  nowMs += 1000;
  expect(admitted(7, 1000)).toBe(50);
  nowMs += 19;
  expect(admitted(7, 1)).toBe(0);
  nowMs += 1;
  expect(admitted(7, 2)).toBe(1);
});

test('quiet brings the whole burst back, and never more', () => {
  admitted(7, 200);
  nowMs += 3_600_000;
  expect(admitted(7, 1000)).toBe(200);
});

test('each asker has its own', () => {
  admitted(7, 1000);
  expect(admitted(8, 1)).toBe(1);
});

test('who asked most often is not forgotten first for asking', () => {
  admitted(7, 200);
  for (let pid = 100; pid < 10_099; pid++) {
    rate.admits(pid);
    if (pid % 100 === 0) rate.admits(7);
  }
  rate.admits(20_000);
  expect(admitted(7, 1)).toBe(0);
});
