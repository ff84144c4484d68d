import type { KeyObject } from 'node:crypto';

/** What a key must be to verify an algorithm: type, and curve or least modulus. */
type Fit = { readonly type: 'ec'; readonly curve: string } | { readonly type: 'rsa'; readonly leastBits: number };

const RSA: Fit = { type: 'rsa', leastBits: 2048 };

/** The nine algorithms of a JWT-SVID (JWT-SVID §2.1, RFC 7518 §3) and nothing else: no `none`, no shared secrets. */
const FITS: Readonly<Record<string, Fit>> = {
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  ES256: { type: 'ec', curve: 'prime256v1' },
  ES384: { type: 'ec', curve: 'secp384r1' },
  ES512: { type: 'ec', curve: 'secp521r1' },
};

/** True for the exact name of an algorithm that a JWT-SVID may use. */
export const isJwtSvidAlgorithm = (name: unknown): name is string => typeof name === 'string' && Object.hasOwn(FITS, name);

/** True where `key` is of the type and curve that the algorithm is tied to; a key never verifies under another one. */
export function keyFits(algorithm: string, key: KeyObject): boolean {
  const fit = FITS[algorithm];
  if (!fit || key.type !== 'public' || key.asymmetricKeyType !== fit.type) return false;
  const details = key.asymmetricKeyDetails;
  return fit.type === 'ec' ? details?.namedCurve === fit.curve : (details?.modulusLength ?? 0) >= fit.leastBits;
}
