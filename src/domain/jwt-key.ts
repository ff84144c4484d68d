import type { JwtAuthorityKind } from './authority-row';
import { p256Coordinates, p256PointOf, p256Thumbprint } from './p256';
import { rsa2048Members, rsa2048ModulusOf, rsa2048Thumbprint } from './rsa2048';

/** What JWT-SVIDs are signed with (RFC 7518 §3.3 and §3.4): a key belongs to one algorithm for all its life. */
export const JWT_ALGORITHMS = ['ES256', 'RS256'] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** The algorithm of each kind of JWT authority. */
export const JWT_ALGORITHM_OF: Readonly<Record<JwtAuthorityKind, JwtAlgorithm>> = { jwt: 'ES256', 'jwt-rs256': 'RS256' };

/** Public half of a JWT authority: an uncompressed P-256 point, or the modulus of an RSA key of 2048 bits. */
export type JwtPublicKey = { readonly point: Buffer } | { readonly modulus: Buffer };

export const algorithmOf = (key: JwtPublicKey): JwtAlgorithm => ('point' in key ? 'ES256' : 'RS256');

/** The key of a SubjectPublicKeyInfo in DER, or undefined where the algorithm has another kind of key. */
export function jwtKeyOf(algorithm: JwtAlgorithm, spki: Buffer): JwtPublicKey | undefined {
  if (algorithm === 'ES256') {
    const point = p256PointOf(spki);
    return point && { point };
  }
  const modulus = rsa2048ModulusOf(spki);
  return modulus && { modulus };
}

/** RFC 7638 thumbprint: the `kid`. */
export const jwtThumbprint = (key: JwtPublicKey): string => ('point' in key ? p256Thumbprint(key.point) : rsa2048Thumbprint(key.modulus));

/** Its members in a JWK (RFC 7518 §6). */
export const jwkMembers = (key: JwtPublicKey): Readonly<Record<string, string>> =>
  'point' in key ? { kty: 'EC', crv: 'P-256', ...p256Coordinates(key.point) } : { kty: 'RSA', ...rsa2048Members(key.modulus) };
