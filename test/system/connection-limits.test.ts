import type { Clock } from '../../src/domain/ports';
import { ConnectionLimits } from '../../src/system/connection-limits';

let nowMs: number;
const clock: Clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => {} };
const plenty = { maxPerUid: 100_000, maxTotal: 100_000 };
const peer = (uid: number, pid: number) => ({ uid, gid: uid, pid });

/** How many of so many connections, each by a process of its own where `pid` says so, may stay. */
const kept = (limits: ConnectionLimits, uid: number, tries: number, pid: (i: number) => number): number =>
  Array.from({ length: tries }, (_, i) => limits.take(peer(uid, pid(i)))).filter((giveBack) => giveBack !== undefined).length;

beforeEach(() => (nowMs = 0));

test('a user holds so many, and gets back what it closes', () => {
  const limits = new ConnectionLimits(clock, { maxPerUid: 3, maxTotal: 10 });
  const [first] = [1, 2, 3].map((pid) => limits.take(peer(1000, pid)));
  expect(limits.take(peer(1000, 4))).toBeUndefined();
  expect(limits.take(peer(1001, 5))).toBeDefined();
  first!();
  expect(limits.take(peer(1000, 6))).toBeDefined();
  expect(limits.take(peer(1000, 7))).toBeUndefined();
});

test('all users together hold so many', () => {
  const limits = new ConnectionLimits(clock, { maxPerUid: 2, maxTotal: 3 });
  expect([1, 2, 3, 4].map((uid) => limits.take(peer(uid, uid)) !== undefined)).toEqual([true, true, true, false]);
});

test('a process has its pace, and its refusals cost the others of its user nothing', () => {
  const limits = new ConnectionLimits(clock, plenty);
  expect(kept(limits, 1000, 100_000, () => 7)).toBe(200);
  expect(kept(limits, 1000, 100, () => 8)).toBe(100);
});

test('a user has its pace: a new process for each connection is no way around that of a process', () => {
  const limits = new ConnectionLimits(clock, plenty);
  expect(kept(limits, 1000, 10_000, (i) => i)).toBe(5_500);
  expect(kept(limits, 1001, 100, (i) => 20_000 + i)).toBe(100);
  nowMs += 1000;
  expect(kept(limits, 1000, 10_000, (i) => 30_000 + i)).toBe(500);
});
