import { createECDH, createHash, createPublicKey, ECDH, generateKeyPairSync } from 'node:crypto';
import { isP256Point, p256Coordinates, p256PointOf, p256Spki, p256Thumbprint, publicKeySha256 } from '../../src/domain/p256';

const point = (): Buffer => createECDH('prime256v1').generateKeys();
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const P = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff';
const GX = '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296';
const GY = '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5';
/** P minus Gy: the other root, also on the curve. */
const MINUS_GY = 'b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a';

it.each([
  ['the base point', `04${GX}${GY}`, true],
  ['its negative', `04${GX}${MINUS_GY}`, true],
  ['x and y exchanged', `04${GY}${GX}`, false],
  ['zero', `04${'00'.repeat(64)}`, false],
  ['x = p', `04${P}${GY}`, false],
  ['y = p', `04${GX}${P}`, false],
  ['the compressed form', `02${GX}`, false],
  ['the hybrid form', `07${GX}${GY}`, false],
  ['the point at infinity', '00', false],
  ['nothing', '', false],
  ['a byte too few', `04${GX}${GY.slice(2)}`, false],
  ['a byte too many', `04${GX}${GY}00`, false],
])('%s', (_, text, expected) => {
  expect(isP256Point(hex(text))).toBe(expected);
});

it('refuses a coordinate that is only equal modulo the field prime', () => {
  const p = BigInt(`0x${P}`);
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const power = (base: bigint, exponent: bigint): bigint =>
    exponent === 0n ? 1n : (power((base * base) % p, exponent / 2n) * (exponent % 2n ? base : 1n)) % p;
  const onCurve = (x: bigint): bigint | undefined => {
    const square = (x * x * x - 3n * x + b) % p;
    const y = power(square, (p + 1n) / 4n);
    return (y * y) % p === square ? y : undefined;
  };
  const x = [5n, 6n, 7n, 8n, 9n, 10n, 11n, 12n].find((candidate) => onCurve(candidate) !== undefined)!;
  const encode = (one: bigint): string => one.toString(16).padStart(64, '0');
  const y = encode(onCurve(x)!);
  expect(isP256Point(hex(`04${encode(x)}${y}`))).toBe(true);
  expect(isP256Point(hex(`04${encode(x + p)}${y}`))).toBe(false);
});

it('agrees with OpenSSL on points and on points with one bit changed', () => {
  const openssl = (candidate: Buffer): boolean => {
    try {
      ECDH.convertKey(candidate, 'prime256v1');
      return true;
    } catch {
      return false;
    }
  };
  for (let i = 0; i < 50; i++) {
    const one = point();
    expect(isP256Point(one)).toBe(true);
    const changed = Buffer.from(one);
    changed[1 + (i % 64)]! ^= 1 << (i % 8);
    expect(isP256Point(changed)).toBe(openssl(changed));
  }
});

it('wraps a point as OpenSSL does, names it by its digest, and unwraps it again', () => {
  const one = point();
  const spki = createPublicKey({ key: p256Spki(one), format: 'der', type: 'spki' }).export({ format: 'der', type: 'spki' });
  expect(spki.equals(p256Spki(one))).toBe(true);
  expect(publicKeySha256(one)).toBe(createHash('sha256').update(spki).digest('hex'));
  expect(p256PointOf(spki)?.equals(one)).toBe(true);
});

it('finds no P-256 point in other keys, cut ones and ones off the curve', () => {
  const other = (namedCurve: string): Buffer => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' });
  expect(p256PointOf(other('secp384r1'))).toBeUndefined();
  expect(p256PointOf(other('secp256k1'))).toBeUndefined();
  const spki = p256Spki(point());
  expect(p256PointOf(spki.subarray(0, 90))).toBeUndefined();
  spki[90]! ^= 1;
  expect(p256PointOf(spki)).toBeUndefined();
});

it('gives coordinates and thumbprint as node:crypto and RFC 7638 do', () => {
  for (let i = 0; i < 300; i++) {
    const one = point();
    const jwk = createPublicKey({ key: p256Spki(one), format: 'der', type: 'spki' }).export({ format: 'jwk' });
    expect(p256Coordinates(one)).toEqual({ x: jwk.x, y: jwk.y });
    const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y });
    expect(p256Thumbprint(one)).toBe(createHash('sha256').update(members).digest('base64url'));
  }
});
