import type { KeyObject } from 'node:crypto';
import { createPublicKey, sign } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { signsFor } from './key-pair';
import { signRsa } from './rsa-key';

/** What an authority signs with: a private key of this process, or one that a signer elsewhere never hands out. */
export interface SigningKey {
  /** What `sign` signs for is verified by this. */
  readonly publicKey: KeyObject;
  /**
   * The signature over `data` with SHA-256: ECDSA in DER, or RSA by PKCS #1 v1.5. A promise where it is made elsewhere, or on another thread: `data` has been
   * read by then, so its bytes may be used for something else at once. Rejects with the E_SIGNER_ codes.
   */
  sign(data: Buffer): Buffer | Promise<Buffer>;
}

/**
 * A private key in the memory of this process. ECDSA is made before `sign` returns: it takes less than a way to another thread and back. Throws E_KEY_FILE for a key
 * whose public half is not its own.
 */
export function localKey(key: KeyObject): SigningKey {
  const publicKey = createPublicKey(key);
  // Only this tells: a private key carries a copy of its public half, and whatever compares keys looks at that copy.
  if (!signsFor(key, publicKey)) throw new MandateError('E_KEY_FILE', { saw: 'a key that does not sign for its own public half' });
  if (key.asymmetricKeyType === 'rsa') return { publicKey, sign: (data) => signRsa(key, Buffer.from(data)) };
  // The bare KeyObject: an options object costs Node 24 another 9 µs.
  return { publicKey, sign: (data) => sign('sha256', data, key) };
}
