import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often it is looked; what is shorter may pass unseen. Each look wakes the process, and most of the time nothing else does. */
const RESOLUTION_MS = 100;

/** How late the event loop was, in seconds. */
export interface LoopDelay {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** Begins to watch the event loop of this thread; each call says how late it was since the last one. */
export function watchLoopDelay(): () => LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return () => {
    // Node counts from one look to the next, so the pause that was meant is in it. Without a look yet nothing is a number.
    const seconds = (ns: number) => (ns > 0 ? Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3) : 0);
    const seen = { median: seconds(histogram.percentile(50)), p99: seconds(histogram.percentile(99)), most: seconds(histogram.max) };
    histogram.reset();
    return seen;
  };
}
