import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { JwtPlan, SelfCheck, Signer } from '../domain/issuance';
import { p256PointOf, p256Thumbprint } from '../domain/p256';
import { jwtSelfCheck } from './jwt-self-check';
import { jwtSigner } from './jwt-signer';
import { checkKeyPair } from './key-pair';
import { StoppableSigner } from './stoppable-signer';

/** A JWT authority with its key: signs JWT-SVIDs. */
export interface JwtAuthority {
  /** RFC 7638 thumbprint, used as `kid`. */
  readonly keyId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Uncompressed P-256 point. */
  readonly publicKey: Buffer;
  readonly signer: Signer<JwtPlan>;
  readonly check: SelfCheck<JwtPlan>;
  /** As X509Authority.stop. */
  stop(): void;
}

/** Joins a stored public key (SubjectPublicKeyInfo DER) and its private key. Throws E_INTEGRITY and E_KEY_FILE as openX509Authority does. */
export function openJwtAuthority(
  row: { readonly keyId: string; readonly public: Buffer; readonly notBeforeMs: number; readonly notAfterMs: number },
  key: KeyObject,
): JwtAuthority {
  const point = p256PointOf(row.public);
  if (!point || p256Thumbprint(point) !== row.keyId) {
    throw new MandateError('E_INTEGRITY', { saw: 'a stored JWT authority', why: 'its public key is not the one its name says' });
  }
  const publicKey = createPublicKey({ key: row.public, format: 'der', type: 'spki' });
  checkKeyPair(key, publicKey, `JWT authority ${row.keyId}`);
  const signer = new StoppableSigner(jwtSigner(key, row.keyId));
  return Object.freeze<JwtAuthority>({
    keyId: row.keyId,
    notBeforeMs: row.notBeforeMs,
    notAfterMs: row.notAfterMs,
    publicKey: point,
    signer,
    check: jwtSelfCheck({ keyId: row.keyId, publicKey, notAfterMs: row.notAfterMs }),
    stop: () => signer.stop(),
  });
}
