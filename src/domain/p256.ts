import { createHash } from 'node:crypto';

/** FIPS 186-4, D.1.2.3: field prime and coefficient b of the curve y² = x³ − 3x + b. */
const PRIME = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** An uncompressed point: 0x04, x, y. */
export const P256_POINT_BYTES = 65;

/** SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480 §2.1.1). */
export const P256_SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** True where `point` is an uncompressed point (65 bytes) on P-256. A key off the curve would leak the secret of whoever does ECDH with it. */
export function isP256Point(point: Buffer): boolean {
  if (point.length !== P256_POINT_BYTES || point[0] !== 4) return false;
  const x = BigInt(`0x${point.toString('hex', 1, 33)}`);
  const y = BigInt(`0x${point.toString('hex', 33, 65)}`);
  // The prime order leaves no other subgroup, and the point at infinity has no uncompressed form.
  return x < PRIME && y < PRIME && (y * y - (x * x - 3n) * x - B) % PRIME === 0n;
}

/** SubjectPublicKeyInfo DER (91 bytes) of an uncompressed point. */
export const p256Spki = (point: Buffer): Buffer => Buffer.concat([P256_SPKI_PREFIX, point]);

/** The point (65 bytes, on the curve) of a SubjectPublicKeyInfo in DER, or undefined where it is not one of P-256. */
export function p256PointOf(spki: Buffer): Buffer | undefined {
  if (!spki.subarray(0, P256_SPKI_PREFIX.length).equals(P256_SPKI_PREFIX)) return undefined;
  const point = spki.subarray(P256_SPKI_PREFIX.length);
  return isP256Point(point) ? point : undefined;
}

/** SHA-256 of the SubjectPublicKeyInfo of a point, lower-case hex: how the lineage names a public key. */
export const publicKeySha256 = (point: Buffer): string => createHash('sha256').update(P256_SPKI_PREFIX).update(point).digest('hex');

/** RFC 7518 §6.2.1: coordinates of a point, 32 bytes each, base64url without padding. */
export const p256Coordinates = (point: Buffer): { readonly x: string; readonly y: string } => ({
  x: point.toString('base64url', 1, 33),
  y: point.toString('base64url', 33, 65),
});

/** RFC 7638 thumbprint (SHA-256, base64url) of a P-256 public key: the `kid` of a JWT key. */
export function p256Thumbprint(point: Buffer): string {
  const { x, y } = p256Coordinates(point);
  return createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url');
}

/** PKCS#8 of a P-256 key up to its secret (RFC 5958, RFC 5915), and between secret and point. */
export const P256_PKCS8_PREFIX = Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
const PKCS8_BEFORE_POINT = Buffer.from('a144034200', 'hex');
const SECRET_BYTES = 32;

/** PKCS#8 DER (138 bytes) from a secret, big-endian with or without its leading zero octets, and its point. The caller wipes both. */
export function p256Pkcs8(secret: Buffer, point: Buffer): Buffer {
  const secretAt = P256_PKCS8_PREFIX.length;
  const secretEnd = secretAt + SECRET_BYTES;
  // Not from the pool, which is shared with everything else this process allocates.
  const pkcs8 = Buffer.allocUnsafeSlow(secretEnd + PKCS8_BEFORE_POINT.length + P256_POINT_BYTES);
  pkcs8.set(P256_PKCS8_PREFIX);
  // One secret in 256 starts with a zero octet, and OpenSSL hands it out without.
  pkcs8.fill(0, secretAt, secretEnd);
  pkcs8.set(secret, secretEnd - secret.length);
  pkcs8.set(PKCS8_BEFORE_POINT, secretEnd);
  pkcs8.set(point, secretEnd + PKCS8_BEFORE_POINT.length);
  return pkcs8;
}
