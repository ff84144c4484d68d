import { createPublicKey, X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { bundleDer, bundlePem, jwkSetJson, spiffeBundleJson } from '../../src/domain/bundle';
import type { Bundle } from '../../src/domain/bundle';
import { p256Thumbprint } from '../../src/domain/p256';
import { makeRoot } from '../authority/fixture';

let bundle: Bundle;
beforeAll(async () => {
  const roots = [await makeRoot(), await makeRoot()];
  const points = [generateAuthorityKey().point, generateAuthorityKey().point];
  bundle = {
    trustDomain: 'example.org',
    sequence: 7,
    refreshHintSeconds: 60,
    x509: roots.map((root) => root.der),
    jwt: points.map((point) => ({ kid: p256Thumbprint(point), point })),
  };
});

type Jwk = Record<string, unknown> & { x5c?: string[] };
const keysOf = (json: string): Jwk[] => (JSON.parse(json) as { keys: Jwk[] }).keys;

it('TB-02, TB-03, TB-04: publishes the SPIFFE document with sequence and hint', () => {
  const { keys, ...rest } = JSON.parse(spiffeBundleJson(bundle)) as { keys: Jwk[] };
  expect(rest).toEqual({ spiffe_sequence: 7, spiffe_refresh_hint: 60 });
  expect(keys.map((key) => key['use'])).toEqual(['x509-svid', 'x509-svid', 'jwt-svid', 'jwt-svid']);
});

it('TB-05, TB-06, TB-09: gives an X.509 entry one certificate, its own key and no kid', () => {
  keysOf(spiffeBundleJson(bundle))
    .slice(0, 2)
    .forEach((key, i) => {
      expect(Object.keys(key).sort()).toEqual(['crv', 'kty', 'use', 'x', 'x5c', 'y']);
      expect(key.x5c).toEqual([bundle.x509[i]!.toString('base64')]);
      const { crv, kty, x, y } = key;
      expect(new X509Certificate(bundle.x509[i]!).publicKey.export({ format: 'jwk' })).toEqual({ crv, kty, x, y });
    });
});

it('TB-04, TB-07, TB-08, TB-09, TB-11, TB-12: gives a JWT entry its kid and the public members alone, in both documents', async () => {
  const own = keysOf(jwkSetJson(bundle));
  expect(Object.keys(JSON.parse(jwkSetJson(bundle)) as object)).toEqual(['keys']);
  expect(own).toEqual(keysOf(spiffeBundleJson(bundle)).slice(2));
  expect(new Set(own.map((key) => key['kid'])).size).toBe(2);
  for (const key of own) {
    expect(Object.keys(key).sort()).toEqual(['crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect(key['use']).toBe('jwt-svid');
    expect(await calculateJwkThumbprint(key as JWK)).toBe(key['kid']);
    expect(createPublicKey({ key: key as never, format: 'jwk' }).asymmetricKeyType).toBe('ec');
  }
});

it('TB-10: encodes full-length coordinates also where they begin with zero octets', () => {
  for (let i = 0; i < 600; i++) {
    const { point } = generateAuthorityKey();
    const [key] = keysOf(jwkSetJson({ ...bundle, jwt: [{ kid: 'k', point }] }));
    expect([key!['x'], key!['y']].every((text) => typeof text === 'string' && text.length === 43)).toBe(true);
  }
});

it('TB-01, TB-14: gives equal text for equal content, and an array of keys where there are none', () => {
  expect(spiffeBundleJson({ ...bundle })).toBe(spiffeBundleJson(bundle));
  expect(jwkSetJson({ ...bundle, jwt: [] })).toBe('{"keys":[]}');
  expect(spiffeBundleJson({ ...bundle, jwt: [], x509: [] })).toBe('{"keys":[],"spiffe_sequence":7,"spiffe_refresh_hint":60}');
});

it('concatenates DER without a separator and PEM that node:crypto reads', () => {
  expect(bundleDer(bundle).equals(Buffer.concat([bundle.x509[0]!, bundle.x509[1]!]))).toBe(true);
  const blocks = bundlePem(bundle).split(/(?<=-----END CERTIFICATE-----\n)/);
  expect(blocks.map((block) => new X509Certificate(block).raw.equals(Buffer.concat(bundle.x509.slice(0, 1))))).toEqual([true, false]);
  expect(
    Math.max(
      ...bundlePem(bundle)
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBe(64);
});
