import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { JWT_ALGORITHM_OF, jwtKeyOf, jwtThumbprint } from '../domain/jwt-key';
import type { AuthorityKind, AuthorityRow, JwtAuthorityKind } from '../domain/lineage';
import type { Random } from '../domain/ports';
import { newSerial } from '../domain/serial';
import { generateRsaKey } from './jws';
import { generateAuthorityKey, publicPoint } from './key-pair';
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
  const key = await keyOf(kind);
  const secondMs = nowMs - (nowMs % 1000);
  const notBeforeMs = secondMs - BACKDATE_MS;
  const notAfterMs = secondMs + lifetimeMs;
  const half =
    kind === 'x509' ? await rootOf(key, { trustDomain, serial: newSerial(random), notBeforeMs, notAfterMs }) : publicHalf(kind, key);
  const row: AuthorityRow = {
    ...half,
    kind,
    stage: 'prepared',
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

async function keyOf(kind: AuthorityKind): Promise<KeyObject> {
  if (kind === 'jwt-rs256') return generateRsaKey();
  const { key } = generateAuthorityKey();
  return key;
}

/** What everybody may know of an authority, and the name that follows from it. */
type PublicHalf = Pick<AuthorityRow, 'keyId' | 'public'>;

async function rootOf(key: KeyObject, wish: Omit<Parameters<typeof createRoot>[0], 'key' | 'point'>): Promise<PublicHalf> {
  const point = publicPoint(key);
  return { keyId: keyIdOf(point).toString('hex'), public: await createRoot({ ...wish, key, point }) };
}

function publicHalf(kind: JwtAuthorityKind, key: KeyObject): PublicHalf {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const known = jwtKeyOf(JWT_ALGORITHM_OF[kind], spki);
  if (!known) throw new MandateError('E_INTERNAL', { saw: `a key that is none of a ${kind} authority` });
  return { keyId: jwtThumbprint(known), public: spki };
}
