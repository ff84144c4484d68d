import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { AuthorityKind } from '../domain/authority-row';
import { P256_PKCS8_PREFIX, p256PointOf } from '../domain/p256';
import { rsa2048ModulusOf } from '../domain/rsa2048';
import type { SigningKey } from './signing-key';

/** A fresh P-256 key of an authority, and its uncompressed point. */
export function generateAuthorityKey(): { readonly key: KeyObject; readonly point: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { key: privateKey, point: publicPoint(publicKey) };
}

/** The uncompressed point of a public P-256 key. Throws E_KEY_FILE for any other kind of key. */
export function publicPoint(key: KeyObject): Buffer {
  const point = p256PointOf(key.export({ format: 'der', type: 'spki' }));
  if (!point) throw new MandateError('E_KEY_FILE', { saw: 'a key that is not on P-256' });
  return point;
}

/** Throws E_KEY_FILE where `key` does not sign for `publicKey`. */
export function checkKeyPair(key: SigningKey, publicKey: KeyObject, owner: string): void {
  if (!key.publicKey.equals(publicKey)) {
    throw new MandateError('E_KEY_FILE', {
      saw: `the key file of ${owner}`,
      why: 'it holds another key than the one in the database',
      fix: 'restore the key folder and the database from the same backup',
    });
  }
}

/**
 * True where what `key` signs is verified by `publicKey`. Comparing keys is not enough: a private key carries a copy of its public half,
 * and OpenSSL looks only at that copy.
 */
export function signsFor(key: KeyObject, publicKey: KeyObject): boolean {
  const probe = Buffer.from('mandate key check');
  return verify('sha256', probe, publicKey, sign('sha256', probe, key));
}

/** What a key of each kind of authority is called where it is missing or damaged. */
export const KEY_WORDS: Readonly<Record<AuthorityKind, string>> = {
  x509: 'P-256 key',
  jwt: 'P-256 key',
  'jwt-rs256': 'RSA key of 2048 bits',
};

/** True for a key of this kind of authority that is all there. OpenSSL does not compare the secret with the public half beside it. */
export const isWholeKey = (kind: AuthorityKind, key: KeyObject): boolean =>
  (kind === 'jwt-rs256' ? isRsaKey(key) : isP256Key(key)) && signsFor(key, createPublicKey(key));

/** OpenSSL keeps whatever version number it read. */
const isP256Key = (key: KeyObject): boolean =>
  key.export({ format: 'der', type: 'pkcs8' }).subarray(0, P256_PKCS8_PREFIX.length).equals(P256_PKCS8_PREFIX);

const isRsaKey = (key: KeyObject): boolean => rsa2048ModulusOf(createPublicKey(key).export({ format: 'der', type: 'spki' })) !== undefined;
