import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import type { Refusal } from '../generated/proto/mandate/v1/refusal_pb';
import { pause } from './pause';
import type { WorkloadClient } from './workload-client';

/** A restart of the service takes a second or two; after this it has not been a restart. */
const RECONNECT_MS = 30_000;
const RECONNECT_PAUSE_MS = 200;

/**
 * Resolves once this process has an identity (with `jwt`, one that may have JWT-SVIDs). Throws E_TIMEOUT after `limitMs`, saying what
 * was still missing, and E_NOT_RUNNING where nothing answers to begin with.
 */
export async function awaitIdentity(
  client: WorkloadClient,
  clock: Clock,
  wanted: { readonly jwt: boolean; readonly limitMs: number | undefined; readonly onWaiting: (refusal: Refusal | undefined) => void },
): Promise<void> {
  const startedMs = clock.monotonicMs();
  let refusal: Refusal | undefined;
  let heardMs: number | undefined;
  const leftMs = () => (wanted.limitMs === undefined ? undefined : Math.max(1, wanted.limitMs - (clock.monotonicMs() - startedMs)));
  for (;;) {
    try {
      for await (const standing of client.standings(leftMs())) {
        heardMs = clock.monotonicMs();
        if (standing.identities.some((identity) => identity.jwt || !wanted.jwt)) return;
        refusal = standing.refusal;
        wanted.onWaiting(refusal);
      }
    } catch (error) {
      const code = error instanceof MandateError ? error.code : undefined;
      if (code === 'E_TIMEOUT') throw stillNothing(wanted.limitMs, refusal);
      const restarting = code === 'E_NOT_RUNNING' || code === 'E_STARTING' || code === 'E_SERVER_DOWN';
      if (!restarting || heardMs === undefined || clock.monotonicMs() - heardMs > RECONNECT_MS) throw error;
    }
    if (leftMs() === 1) throw stillNothing(wanted.limitMs, refusal);
    await pause(clock, RECONNECT_PAUSE_MS);
  }
}

function stillNothing(limitMs: number | undefined, refusal: Refusal | undefined): MandateError {
  const saw = `no identity within ${Math.round((limitMs ?? 0) / 1000)} seconds`;
  if (!refusal) return new MandateError('E_TIMEOUT', { saw });
  return new MandateError('E_TIMEOUT', {
    saw,
    why: `${refusal.message} (${refusal.code})`,
    fix: refusal.remedy || `ask your administrator, with request ${refusal.request}`,
  });
}
