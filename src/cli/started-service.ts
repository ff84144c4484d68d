import type { StatusAnswer } from '../domain/answers';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { askAdmin } from './admin-client';
import { pause } from './pause';

/** The first start makes a database and keys; a slow disk has had its time by then. */
const LIMIT_MS = 60_000;
const LOOK_AGAIN_MS = 200;

/**
 * The status of a service that was started a moment ago, once it is ready. Throws E_TIMEOUT after a minute, with what was seen last, and at
 * once what only a person can mend.
 */
export async function startedService(clock: Clock, adminSocket: string): Promise<StatusAnswer> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    const seen = await look(clock, adminSocket);
    if (typeof seen !== 'string' && seen.ready) return seen;
    if (clock.monotonicMs() - startedMs >= LIMIT_MS) {
      throw new MandateError('E_TIMEOUT', {
        saw: typeof seen === 'string' ? seen : notReady(seen),
        why: `it was started ${LIMIT_MS / 1000} s ago`,
        fix: "journalctl -u 'mandate-*' says what keeps it, and mandate doctor what is wrong",
      });
    }
    await pause(clock, LOOK_AGAIN_MS);
  }
}

async function look(clock: Clock, adminSocket: string): Promise<StatusAnswer | string> {
  try {
    return await askAdmin(clock, adminSocket, 'status', {});
  } catch (error) {
    const code = error instanceof MandateError ? error.code : undefined;
    if (code === 'E_NOT_RUNNING' || code === 'E_STARTING' || code === 'E_TIMEOUT') return `no answer at ${adminSocket}`;
    throw error;
  }
}

const notReady = ({ parts }: StatusAnswer): string =>
  parts
    .filter(({ state }) => state !== 'ready')
    .map(({ name, state }) => `${name}: ${state}`)
    .join(', ') || 'a service that is not ready';
