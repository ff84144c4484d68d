import type { Clock } from './ports';

/** True for the first `most` calls of each second: what is said to a log or a record as often as strangers like has to end somewhere. */
export function atMostPerSecond(clock: Clock, most: number): () => boolean {
  let second = Number.NEGATIVE_INFINITY;
  let said = 0;
  return () => {
    const now = Math.floor(clock.monotonicMs() / 1000);
    if (now !== second) [second, said] = [now, 0];
    return said++ < most;
  };
}
