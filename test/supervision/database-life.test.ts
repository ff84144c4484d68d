import { MandateError } from '../../src/domain/errors';
import type { Clock } from '../../src/domain/ports';
import type { UpEvent } from '../../src/domain/up';
import { DatabaseLife, type RunningDatabase } from '../../src/supervisor/database-life';
import { Progress } from '../../src/supervisor/progress';
import { silentLog } from '../silent-log';

/** Waits end only when the test says so, and are remembered. */
class StoppedClock implements Clock {
  readonly delays: number[] = [];
  #due: (() => void)[] = [];

  nowMs = (): number => 0;
  monotonicMs = (): number => 0;

  after(delayMs: number, run: () => void): () => void {
    this.delays.push(delayMs);
    this.#due.push(run);
    return () => undefined;
  }

  async pass(): Promise<void> {
    const due = this.#due;
    this.#due = [];
    for (const run of due) run();
    await settled();
  }
}

/** All promises that can go on have gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

class FakeDatabase implements RunningDatabase {
  readonly url = 'postgres://server@localhost/mandate';
  readonly detail = 'fake';
  readonly uid = null;
  stopped = 0;
  end: (reason: string) => void = () => undefined;
  readonly ended = new Promise<string>((resolve) => {
    this.end = resolve;
  });

  constructor(readonly pid: number) {}

  stop(): Promise<void> {
    this.stopped++;
    return Promise.resolve();
  }
}

function life() {
  const clock = new StoppedClock();
  const opened: FakeDatabase[] = [];
  const events: string[] = [];
  const full = { disk: false };
  const reopened = jest.fn();
  const database = new DatabaseLife({
    open: () => {
      if (full.disk) return Promise.reject(new MandateError('E_DB_START'));
      const started = new FakeDatabase(opened.length + 1);
      opened.push(started);
      return Promise.resolve(started);
    },
    reopened,
    progress: new Progress(clock, ({ step, state }: UpEvent) => events.push(`${step} ${state}`)),
    clock,
    log: silentLog,
  });
  return { database, clock, opened, events, full, reopened };
}

test('what waits for the database gets the first one, then the one that runs at that time', async () => {
  const { database, opened, reopened } = life();
  const got: (number | null)[] = [];
  const wait = () => database.whenRunning(({ pid }) => got.push(pid));
  wait();
  await settled();
  expect(got).toEqual([]);
  await database.open();
  await settled();
  opened[0]!.end('SIGKILL');
  await settled();
  wait();
  await settled();
  expect(got).toEqual([1, 2]);
  expect(reopened).toHaveBeenCalledTimes(1);
  expect(database.database?.pid).toBe(2);
});

test('a database that cannot start again is tried ever later, told once, and waited for', async () => {
  const { database, clock, opened, events, full } = life();
  await database.open();
  full.disk = true;
  opened[0]!.end('SIGKILL');
  await settled();
  for (let tries = 0; tries < 6; tries++) await clock.pass();
  expect(clock.delays).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000]);
  full.disk = false;
  let served = false;
  database.whenRunning(() => (served = true));
  await clock.pass();
  expect(served).toBe(true);
  expect(events).toEqual(['database restarted', 'database failed', 'database done']);
});

test('told to end while it is down: nothing is started any more, nobody goes on, no rejection is left over', async () => {
  const unobserved = jest.fn();
  process.on('unhandledRejection', unobserved);
  try {
    const { database, clock, opened, full } = life();
    await database.open();
    full.disk = true;
    opened[0]!.end('SIGKILL');
    await settled();
    let served = false;
    database.whenRunning(() => (served = true));
    await database.stop();
    full.disk = false;
    await clock.pass();
    await clock.pass();
    expect(opened).toHaveLength(1);
    expect(served).toBe(false);
    expect(unobserved).not.toHaveBeenCalled();
  } finally {
    process.off('unhandledRejection', unobserved);
  }
});

test('an opening that is under way when everything ends is waited for and stopped', async () => {
  const { database, opened } = life();
  const opening = database.open();
  await database.stop();
  await opening;
  expect(opened.map(({ stopped }) => stopped)).toEqual([1]);
  opened[0]!.end('asked');
  await settled();
  expect(opened).toHaveLength(1);
});
