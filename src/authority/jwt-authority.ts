import { createPublicKey } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { JwtPlan, SelfCheck, Signer } from '../domain/issuance';
import { JWT_ALGORITHM_OF, jwtKeyOf, type JwtPublicKey, jwtThumbprint } from '../domain/jwt-key';
import type { JwtAuthorityKind } from '../domain/authority-row';
import { jwtSelfCheck } from './jwt-self-check';
import { jwtSigner } from './jwt-signer';
import { checkKeyPair } from './key-pair';
import type { SigningKey } from './signing-key';
import { StoppableSigner } from './stoppable-signer';

/** A JWT authority with its key: signs JWT-SVIDs. */
export interface JwtAuthority {
  /** RFC 7638 thumbprint, used as `kid`. */
  readonly keyId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKey: JwtPublicKey;
  readonly signer: Signer<JwtPlan>;
  readonly check: SelfCheck<JwtPlan>;
  /** As X509Authority.stop. */
  stop(): void;
}

/** What is stored of a JWT authority; `public` is its SubjectPublicKeyInfo in DER. */
export interface JwtAuthorityRow {
  readonly kind: JwtAuthorityKind;
  readonly keyId: string;
  readonly public: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Joins a stored public key and what signs for it. Throws E_INTEGRITY and E_KEY_FILE as openX509Authority does. */
export function openJwtAuthority(row: JwtAuthorityRow, key: SigningKey): JwtAuthority {
  const algorithm = JWT_ALGORITHM_OF[row.kind];
  const known = jwtKeyOf(algorithm, row.public);
  if (!known || jwtThumbprint(known) !== row.keyId) {
    throw new MandateError('E_INTEGRITY', { saw: 'a stored JWT authority', why: 'its public key is not the one its name says' });
  }
  const publicKey = createPublicKey({ key: row.public, format: 'der', type: 'spki' });
  checkKeyPair(key, publicKey, `JWT authority ${row.keyId}`);
  const signer = new StoppableSigner(jwtSigner(key, row.keyId, algorithm));
  return Object.freeze<JwtAuthority>({
    keyId: row.keyId,
    notBeforeMs: row.notBeforeMs,
    notAfterMs: row.notAfterMs,
    publicKey: known,
    signer,
    check: jwtSelfCheck({ keyId: row.keyId, algorithm, publicKey, notAfterMs: row.notAfterMs }),
    stop: () => signer.stop(),
  });
}
