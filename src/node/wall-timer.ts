import type { Clock } from '../domain/ports';

/** A sleeping laptop's timers run late: the wall clock is compared at least this often. */
const LONGEST_WAIT_MS = 15_000;

/** Calls `run` once when the wall clock has reached `dueMs`, also across sleep and clock jumps; the returned function cancels. */
export function atWallClock(clock: Clock, dueMs: number, run: () => void): () => void {
  let cancel = (): void => undefined;
  const wait = () => {
    const left = dueMs - clock.nowMs();
    cancel = clock.after(Math.min(Math.max(1, left), LONGEST_WAIT_MS), () => {
      if (clock.nowMs() >= dueMs || left <= LONGEST_WAIT_MS) run();
      else wait();
    });
  };
  wait();
  return () => cancel();
}
