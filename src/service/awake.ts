import { MessageChannel } from 'node:worker_threads';

/** The outcome of `work`, for which the process stays alive: neither the Clock's timers nor an idle client would keep it from ending silently. */
export async function awake<T>(work: Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel();
  port1.ref();
  try {
    return await work;
  } finally {
    port1.close();
  }
}
