import { MessageChannel } from 'node:worker_threads';
import type { Clock } from '../domain/ports';

/** Resolves after `delayMs`, keeping the process alive meanwhile: the Clock's timers do not. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  const { port1 } = new MessageChannel();
  port1.ref();
  return new Promise((resolve) => {
    clock.after(delayMs, () => {
      port1.close();
      resolve();
    });
  });
}
