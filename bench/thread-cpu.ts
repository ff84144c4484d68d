import { readFileSync } from 'node:fs';

/** CPU time of this thread in nanoseconds; what other processes do on the machine is not in it. Linux only. */
export function threadCpuNs(): number {
  // A running thread is charged at ticks, milliseconds apart, and when something asks by getrusage(2): the file alone shows the last tick.
  process.cpuUsage();
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]);
}

/** CPU time of one call in microseconds, taken over at least `forMs` of CPU time. */
export function cpuMicroseconds(run: () => void, forMs: number): number {
  const start = threadCpuNs();
  let calls = 0;
  let spent = 0;
  do {
    for (let i = 0; i < 50; i++) run();
    calls += 50;
    spent = threadCpuNs() - start;
  } while (spent < forMs * 1e6);
  return spent / 1000 / calls;
}

/** The middle value; the lower of two. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;
