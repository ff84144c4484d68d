import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { JWT_ALGORITHMS, jwkMembers, jwtKeyOf, jwtThumbprint } from '../../src/domain/jwt-key';
import { rsa2048Members, rsa2048ModulusOf, rsa2048Spki, rsa2048Thumbprint } from '../../src/domain/rsa2048';

const rsa = (modulusLength: number, publicExponent = 65537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey;
const der = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

const key = rsa(2048);
const spki = der(key);
const modulus = rsa2048ModulusOf(spki)!;

test('a key is read and written as OpenSSL does, and named by its RFC 7638 thumbprint', async () => {
  const jwk = key.export({ format: 'jwk' });
  expect(modulus).toHaveLength(256);
  expect(rsa2048Spki(modulus).equals(spki)).toBe(true);
  expect(rsa2048Members(modulus)).toEqual({ n: jwk.n, e: jwk.e });
  expect(rsa2048Thumbprint(modulus)).toBe(await calculateJwkThumbprint(jwk as JWK));
  expect(createPublicKey({ key: rsa2048Spki(modulus), format: 'der', type: 'spki' }).equals(key)).toBe(true);
});

test.each<[string, () => Buffer]>([
  ['a shorter modulus', () => der(rsa(1024))],
  ['a longer modulus', () => der(rsa(3072))],
  ['another exponent', () => der(rsa(2048, 3))],
  ['an EC key', () => der(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey)],
  ['an RSA-PSS key', () => der(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey)],
  ['a byte less', () => spki.subarray(0, -1)],
  ['a byte more', () => Buffer.concat([spki, Buffer.from([0])])],
  ['nothing', () => Buffer.alloc(0)],
  ['a modulus of 2047 bits', () => rsa2048Spki(Buffer.concat([Buffer.from([0x7f]), modulus.subarray(1)]))],
  ['an even modulus', () => rsa2048Spki(Buffer.concat([modulus.subarray(0, 255), Buffer.from([2])]))],
])('%s is no key of 2048 bits with the exponent 65537', (_, other) => {
  expect(rsa2048ModulusOf(other())).toBeUndefined();
});

test('a key is read for its own algorithm and for no other', () => {
  const point = der(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey);
  const read = (bytes: Buffer) => JWT_ALGORITHMS.filter((algorithm) => jwtKeyOf(algorithm, bytes) !== undefined);
  expect([read(spki), read(point)]).toEqual([['RS256'], ['ES256']]);
});

test('a JWK has public members alone, of its own type', async () => {
  const known = jwtKeyOf('RS256', spki)!;
  expect(jwkMembers(known)).toEqual(key.export({ format: 'jwk' }));
  expect(jwtThumbprint(known)).toBe(await calculateJwkThumbprint({ ...jwkMembers(known) }));
});
