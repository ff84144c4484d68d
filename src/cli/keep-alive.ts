import { MessageChannel } from 'node:worker_threads';

/**
 * Keeps the process from ending until the returned function is called. The Clock's timers do not: a command that waits for nothing
 * else would end in the middle, without a word and with exit code 0.
 */
export function keepAlive(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}
