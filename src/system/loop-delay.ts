import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often it is looked; what is shorter may pass unseen. Each look wakes the process, and most of the time nothing else does. */
const RESOLUTION_MS = 100;

/** How late the event loop was, in seconds. */
export interface LoopDelay {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/**
 * Each call says how late the event loop of this thread was since the last one. The first call begins to watch it and says nothing yet: where
 * nobody ever asks, nothing wakes the process.
 */
export function watchLoopDelay(): () => LoopDelay {
  let watching: IntervalHistogram | undefined;
  return () => {
    if (watching === undefined) {
      watching = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      watching.enable();
    }
    const histogram = watching;
    // Node counts from one look to the next, so the pause that was meant is in it. Without a look yet nothing is a number.
    const seconds = (ns: number) => (ns > 0 ? Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3) : 0);
    const seen = { median: seconds(histogram.percentile(50)), p99: seconds(histogram.percentile(99)), most: seconds(histogram.max) };
    histogram.reset();
    return seen;
  };
}
