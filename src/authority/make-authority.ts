import type { KeyObject } from 'node:crypto';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import { p256Spki, p256Thumbprint } from '../domain/p256';
import type { Random } from '../domain/ports';
import { newSerial } from '../domain/serial';
import { generateAuthorityKey } from './key-pair';
import { createRoot, keyIdOf } from './root-certificate';

/** An authority begins this much before it is made, for verifiers whose clocks are behind. */
const BACKDATE_MS = 60_000;

/** Makes a prepared authority, that is to take over early or in its time: its row, and the private key that never enters it. */
export async function makeAuthority(
  kind: AuthorityKind,
  trustDomain: string,
  nowMs: number,
  lifetimeMs: number,
  random: Random,
  early: boolean,
): Promise<{ readonly row: AuthorityRow; readonly key: KeyObject }> {
  const { key, point } = generateAuthorityKey();
  const secondMs = nowMs - (nowMs % 1000);
  const notBeforeMs = secondMs - BACKDATE_MS;
  const notAfterMs = secondMs + lifetimeMs;
  const [keyId, publicPart] =
    kind === 'x509'
      ? [keyIdOf(point).toString('hex'), await createRoot({ trustDomain, key, point, serial: newSerial(random), notBeforeMs, notAfterMs })]
      : [p256Thumbprint(point), p256Spki(point)];
  const row: AuthorityRow = {
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
  return { row, key };
}
