import type { Clock } from '../../src/domain/ports';
import { FloodingUsers } from '../../src/system/flooding-users';

let nowMs: number;
let timers: { atMs: number; run: () => void }[];
let told: { readonly uids: readonly number[]; readonly begun?: { readonly uid: number; readonly forMs: number } }[];
let users: FloodingUsers;

const clock: Clock = {
  nowMs: () => 0,
  monotonicMs: () => nowMs,
  after: (delayMs, run) => (timers.push({ atMs: nowMs + delayMs, run }), () => {}),
};

beforeEach(() => {
  [nowMs, timers, told] = [0, [], []];
  users = new FloodingUsers(clock, (uids, begun) => told.push(begun ? { uids, begun } : { uids }));
});

/** Lets time pass, timers in their order. */
function pass(ms: number): void {
  const until = nowMs + ms;
  for (;;) {
    const [due] = timers.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
    if (!due) break;
    timers.splice(timers.indexOf(due), 1);
    nowMs = due.atMs;
    due.run();
  }
  nowMs = until;
}

const waste = (uid: number, times: number): void => Array.from({ length: times }).forEach(() => users.wasted(uid));

test('clients that try again are no flood', () => {
  for (let second = 0; second < 60; second++) {
    waste(1000, 50);
    pass(1000);
  }
  expect(told).toEqual([]);
});

test('a flood has its user kept away for ten seconds, and nobody else', () => {
  waste(1001, 20);
  waste(1000, 301);
  expect(told).toEqual([{ uids: [1000], begun: { uid: 1000, forMs: 10_000 } }]);
  pass(9_999);
  expect(told).toHaveLength(1);
  pass(1);
  expect(told.at(-1)).toEqual({ uids: [] });
});

test('what was in the queue before is to be refused, and makes it no longer', () => {
  waste(1000, 5000);
  expect([users.keptAway(1000), users.keptAway(1001)]).toEqual([true, false]);
  pass(10_000);
  expect(told).toEqual([{ uids: [1000], begun: { uid: 1000, forMs: 10_000 } }, { uids: [] }]);
  expect(users.keptAway(1000)).toBe(false);
});

test('who goes on is kept away twice as long each time, at most a minute', () => {
  const lasted: number[] = [];
  for (let time = 0; time < 6; time++) {
    waste(1000, 1000);
    const { forMs } = told.at(-1)!.begun!;
    lasted.push(forMs);
    pass(forMs);
  }
  expect(lasted).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

test('a minute of quiet is forgiven', () => {
  waste(1000, 1000);
  pass(10_000);
  waste(1000, 1000);
  pass(20_000 + 60_000);
  const before = told.length;
  waste(1000, 300);
  expect(told).toHaveLength(before);
  waste(1000, 1);
  expect(told.at(-1)).toEqual({ uids: [1000], begun: { uid: 1000, forMs: 10_000 } });
});

test('who flooded within the last minute is known again at once, but clients that try again are still no flood', () => {
  waste(1000, 301);
  pass(10_000);
  const before = told.length;
  for (let second = 0; second < 30; second++) {
    waste(1000, 20);
    pass(500);
  }
  expect(told).toHaveLength(before);
  waste(1000, 21);
  expect(told.at(-1)).toEqual({ uids: [1000], begun: { uid: 1000, forMs: 20_000 } });
});

test('several users are kept away at once, each for its own time', () => {
  waste(1000, 301);
  pass(5_000);
  waste(1001, 301);
  expect(told.at(-1)!.uids).toEqual([1000, 1001]);
  pass(5_000);
  expect(told.at(-1)!.uids).toEqual([1001]);
  pass(5_000);
  expect(told.at(-1)!.uids).toEqual([]);
});

test('the list stays short: who began to flood last is on it', () => {
  for (let uid = 1; uid <= 600; uid++) waste(uid, 301);
  const { uids } = told.at(-1)!;
  expect(uids).toHaveLength(500);
  expect([uids[0], uids.at(-1)]).toEqual([101, 600]);
});
