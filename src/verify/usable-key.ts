import type { KeyObject } from 'node:crypto';

/** Curves of JWT-SVIDs and certificates, as node:crypto names them. A key with parameters of its own has no such name. */
const CURVES: ReadonlySet<unknown> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

const LEAST_RSA_BITS = 2048;
/** A signature under a longer modulus, or a large exponent, takes milliseconds of whoever verifies it. */
const MOST_RSA_BITS = 8192;
const MOST_RSA_EXPONENT = 2n ** 32n;

/** True for a public key that signatures are verified with here: P-256, P-384, P-521, or RSA of 2048 to 8192 bits with a small exponent. */
export function isUsableKey(key: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.type !== 'public') return false;
  if (key.asymmetricKeyType === 'ec') return CURVES.has(namedCurve);
  const sized = modulusLength >= LEAST_RSA_BITS && modulusLength <= MOST_RSA_BITS;
  return key.asymmetricKeyType === 'rsa' && sized && publicExponent > 1n && publicExponent <= MOST_RSA_EXPONENT;
}
