import type { AuthorityRow } from '../domain/authority-row';
import type { Random } from '../domain/ports';
import { newSerial } from '../domain/serial';
import type { NamedKey } from './key-home';
import { publicPoint } from './key-pair';
import { createRoot } from './root-certificate';

/** An authority begins this much before it is made, for verifiers whose clocks are behind. */
const BACKDATE_MS = 60_000;

/** The row of a prepared authority that has this key, and is to take over early or in its time. */
export async function makeAuthority(
  { name: { kind, keyId }, key }: NamedKey,
  trustDomain: string,
  nowMs: number,
  lifetimeMs: number,
  random: Random,
  early: boolean,
): Promise<AuthorityRow> {
  const secondMs = nowMs - (nowMs % 1000);
  const notBeforeMs = secondMs - BACKDATE_MS;
  const notAfterMs = secondMs + lifetimeMs;
  const publicPart =
    kind === 'x509'
      ? await createRoot({ trustDomain, key, point: publicPoint(key.publicKey), serial: newSerial(random), notBeforeMs, notAfterMs })
      : key.publicKey.export({ format: 'der', type: 'spki' });
  return {
    keyId,
    kind,
    stage: 'prepared',
    public: publicPart,
    notBeforeMs,
    notAfterMs,
    preparedAtMs: nowMs,
    activatedAtMs: null,
    retiredAtMs: null,
    taintedAtMs: null,
    revokedAtMs: null,
    early,
  };
}
