import type { FromChild } from '../domain/child-protocol';
import { asMandateError, MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import { systemClock } from '../system/clock';
import { compileEarly } from '../system/compile-early';

/** How long an orderly end may take before the process ends anyway. */
const CLOSE_MS = 2_000;

/** Tells the supervisor; without one there is nobody to tell. */
export function tell(message: FromChild): void {
  if (process.send && process.connected) process.send(message, undefined, undefined, () => undefined);
}

/** As `tell`; resolves when it is out of this process, so that it arrives even if we die. Rejects without a supervisor. */
export function tellSurely(message: FromChild): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!process.send) return reject(new MandateError('E_INTERNAL'));
    process.send(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Runs one supervised part: `start` is called once with the supervisor's first message, `other` with each later one. The part ends when it
 * is told to, by SIGTERM, and when the supervisor is gone, so that nothing of ours is left behind.
 */
export function superviseSelf<T extends { readonly type: string }>(
  log: Log,
  start: (message: Extract<T, { readonly type: 'start' }>) => Promise<{ close(): Promise<void> }>,
  other: (message: T) => void,
): void {
  let running: { close(): Promise<void> } | undefined;
  let ending = false;
  const end = (reason: string) => {
    if (ending) return;
    ending = true;
    log.info({ reason }, 'ending');
    const exit = () => process.exit(0);
    systemClock.after(CLOSE_MS, exit);
    (running?.close() ?? Promise.resolve()).then(exit, exit);
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => undefined); // Ctrl-C is the supervisor's to handle
  process.on('disconnect', () => end('supervisor gone'));
  const fail = (thrown: unknown) => {
    const error = asMandateError(thrown);
    log.error({ err: error, cause: error.cause, code: error.code }, 'cannot go on');
    tell({ type: 'failed', code: error.code, explanation: error.explanation });
    // The message has to leave before the process does.
    systemClock.after(20, () => process.exit(1));
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.on('message', (message: T) => {
    if (message.type === 'stop') return end('asked');
    if (message.type !== 'start') return other(message);
    start(message as Extract<T, { readonly type: 'start' }>).then((started) => {
      running = started;
      compileEarly();
      tell({ type: 'ready' });
    }, fail);
  });
}
