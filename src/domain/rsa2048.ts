import { createHash } from 'node:crypto';

/** Bytes of a modulus of 2048 bits. */
export const RSA2048_BYTES = 256;

/** SubjectPublicKeyInfo of an RSA key of 2048 bits up to its modulus (RFC 3279 §2.3.1), and behind it: the exponent 65537. */
const SPKI_PREFIX = Buffer.from('30820122300d06092a864886f70d01010105000382010f003082010a0282010100', 'hex');
const SPKI_SUFFIX = Buffer.from('0203010001', 'hex');
/** The exponent as a JWK writes it (RFC 7518 §6.3.1.2). */
const EXPONENT = 'AQAB';

/** True for 256 bytes of exactly 2048 bits that are odd. Whether it has two prime factors only its owner can know. */
const isModulus = (modulus: Buffer): boolean =>
  modulus.length === RSA2048_BYTES && ((modulus[0] ?? 0) & 0x80) !== 0 && ((modulus[RSA2048_BYTES - 1] ?? 0) & 1) === 1;

/** SubjectPublicKeyInfo DER (294 bytes) of a modulus, with the exponent 65537. */
export const rsa2048Spki = (modulus: Buffer): Buffer => Buffer.concat([SPKI_PREFIX, modulus, SPKI_SUFFIX]);

/** The modulus (256 bytes) of a SubjectPublicKeyInfo in DER, or undefined where it is not an RSA key of 2048 bits with the exponent 65537. */
export function rsa2048ModulusOf(spki: Buffer): Buffer | undefined {
  const modulus = spki.subarray(SPKI_PREFIX.length, SPKI_PREFIX.length + RSA2048_BYTES);
  return isModulus(modulus) && rsa2048Spki(modulus).equals(spki) ? modulus : undefined;
}

/** RFC 7518 §6.3.1: modulus and exponent, base64url without padding. */
export const rsa2048Members = (modulus: Buffer): { readonly n: string; readonly e: string } => ({
  n: modulus.toString('base64url'),
  e: EXPONENT,
});

/** RFC 7638 thumbprint (SHA-256, base64url) of an RSA public key: the `kid` of a JWT key. */
export function rsa2048Thumbprint(modulus: Buffer): string {
  const { n, e } = rsa2048Members(modulus);
  return createHash('sha256').update(`{"e":"${e}","kty":"RSA","n":"${n}"}`).digest('base64url');
}
