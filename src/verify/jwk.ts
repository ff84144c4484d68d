import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { P256_SPKI_PREFIX } from '../domain/p256';
import { canonicalBase64url } from './strict-json';
import { isUsableKey } from './usable-key';

type Jwk = Readonly<Record<string, unknown>>;

/** Curves by their JWK name: octets of a coordinate, and SubjectPublicKeyInfo up to x (RFC 5480 §2.1.1). */
const CURVES: Readonly<Record<string, { readonly octets: number; readonly spki: Buffer }>> = {
  'P-256': { octets: 32, spki: P256_SPKI_PREFIX },
  'P-384': { octets: 48, spki: Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex') },
  'P-521': { octets: 66, spki: Buffer.from('30819b301006072a8648ce3d020106052b8104002303818600', 'hex') },
};

/** Members of private and shared keys (RFC 7518 §6). */
const SECRET_MEMBERS: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** True where the entry shows a secret: whoever has read it can sign with the key. */
export const showsSecret = (jwk: Jwk): boolean => SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name));

/** True for the key types that the standards of SVIDs use. */
export const isKnownKeyType = (kty: unknown): boolean => kty === 'EC' || kty === 'RSA' || kty === 'OKP';

/** The public key of an EC or RSA entry in the one canonical form (RFC 7518 §6.2 and §6.3), or undefined. */
export function publicKeyOf(jwk: Jwk): KeyObject | undefined {
  try {
    const key = jwk['kty'] === 'EC' ? ecKey(jwk) : jwk['kty'] === 'RSA' ? rsaKey(jwk) : undefined;
    return key && isUsableKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Read as DER: of a JWK, node:crypto multiplies the point by the order of its curve, which takes 1 ms on P-521 and proves nothing more. */
function ecKey({ crv, x, y }: Jwk): KeyObject | undefined {
  const curve = typeof crv === 'string' && Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined;
  const point = [octets(x), octets(y)].flatMap((coordinate) => (coordinate && coordinate.length === curve?.octets ? [coordinate] : []));
  if (!curve || point.length !== 2) return undefined;
  return createPublicKey({ key: Buffer.concat([curve.spki, UNCOMPRESSED, ...point]), format: 'der', type: 'spki' });
}

const UNCOMPRESSED = Buffer.from([4]);

function rsaKey({ n, e }: Jwk): KeyObject | undefined {
  if (!octets(n)?.length || !octets(e)?.length) return undefined;
  return createPublicKey({ key: { kty: 'RSA', n: n as string, e: e as string }, format: 'jwk' });
}

const octets = (text: unknown): Buffer | undefined => (typeof text === 'string' ? canonicalBase64url(text) : undefined);
