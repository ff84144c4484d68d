import type { Clock } from '../domain/ports';

/**
 * Asks `condition` every few milliseconds until it holds or the time is over; returns whether it came to hold. Keeps the process
 * alive meanwhile: what is waited for is another process, and the Clock's timers alone would let this one end.
 */
export async function waitUntil(clock: Clock, timeoutMs: number, condition: () => boolean, everyMs = 5): Promise<boolean> {
  const end = clock.monotonicMs() + timeoutMs;
  const { port1 } = new MessageChannel();
  port1.onmessage = () => undefined; // a listening port holds the event loop open
  try {
    while (!condition()) {
      if (clock.monotonicMs() >= end) return false;
      await new Promise<void>((resolve) => clock.after(everyMs, resolve));
    }
    return true;
  } finally {
    port1.close();
  }
}
