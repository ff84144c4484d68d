import { backoffMs, jittered } from '../../src/service/backoff';
import { Freshness } from '../../src/service/freshness';
import { middle, ToldClock } from './world';

const STALE = expect.objectContaining({ code: 'E_BUNDLE_STALE' });

test('what was never confirmed is stale', () => {
  const freshness = new Freshness(new ToldClock(), 1000);
  expect(freshness.stalenessMs).toBe(Infinity);
  expect(() => freshness.check()).toThrow(STALE);
});

test('what is held is the newest; released, it ages up to the bound and no further', () => {
  const clock = new ToldClock();
  const freshness = new Freshness(clock, 1000);
  freshness.confirm(true);
  clock.pass(10_000);
  expect(freshness.stalenessMs).toBe(0);
  freshness.release();
  clock.pass(1000);
  expect(freshness.stalenessMs).toBe(1000);
  freshness.check();
  clock.pass(1);
  expect(() => freshness.check()).toThrow(STALE);
  freshness.release(); // a second time changes nothing
  expect(freshness.stalenessMs).toBe(1001);
});

test('a clock that is set back makes nothing younger, and one that jumps on makes it older', () => {
  const clock = new ToldClock();
  const freshness = new Freshness(clock, 1000);
  freshness.confirm();
  clock.pass(800);
  clock.wallMs -= 5000;
  expect(freshness.stalenessMs).toBe(800);
  clock.wallMs += 10_000; // a machine that slept: the monotonic clock stood still
  expect(freshness.stalenessMs).toBe(5800);
});

test('pauses double up to half a minute and are spread', () => {
  expect([0, 1, 2, 3, 20, 2000].map((failures) => Math.round(backoffMs(failures, middle)))).toEqual([188, 375, 751, 1502, 22_529, 22_529]);
  expect(backoffMs(20, { bytes: (length) => Buffer.alloc(length, 0) })).toBe(15_000);
  expect(backoffMs(20, { bytes: (length) => Buffer.alloc(length, 0xff) })).toBeLessThan(30_000);
  expect(Math.round(jittered(1000, { bytes: (length) => Buffer.alloc(length, 0) }))).toBe(900);
});
