import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { jwtKeyOf, jwtThumbprint } from '../../src/domain/jwt-key';
import { discoveryJson, discoveryUrl, ISSUER, oidcKeysJson, oidcPaths } from '../../src/domain/oidc';
import { p256Thumbprint } from '../../src/domain/p256';

test.each([
  'https://id.example.org',
  'https://id.example.org:8443',
  'https://example.org/agents/of-ana',
  'https://localhost:1',
  'https://a.b/~x/_y.z',
  'https://a.b/...',
])('OD-01: %s is an issuer, written in the one way in which a URL library writes it', (issuer) => {
  expect(ISSUER.test(issuer)).toBe(true);
  const { href, pathname } = new URL(issuer);
  expect(pathname === '/' ? href.slice(0, -1) : href).toBe(issuer);
});

test.each([
  ['http', 'http://id.example.org'],
  ['another scheme', 'HTTPS://id.example.org'],
  ['a query', 'https://id.example.org?a=b'],
  ['an empty query', 'https://id.example.org?'],
  ['a fragment', 'https://id.example.org/x#y'],
  ['a user', 'https://ana@id.example.org'],
  ['a user and password', 'https://ana:x@id.example.org'],
  ['upper case in the host', 'https://ID.example.org'],
  ['a slash at the end', 'https://id.example.org/'],
  ['a slash at the end of a path', 'https://id.example.org/x/'],
  ['an empty segment', 'https://id.example.org//x'],
  ['a dot segment', 'https://id.example.org/x/../y'],
  ['a dot segment at the end', 'https://id.example.org/x/.'],
  ['an escape', 'https://id.example.org/%61'],
  ['no host', 'https:///x'],
  ['a dot at the end of the host', 'https://id.example.org.'],
  ['an empty port', 'https://id.example.org:'],
  ['white space', 'https://id.example.org '],
  ['a line', 'https://id.example.org\n'],
  ['too much', `https://id.example.org/${'x'.repeat(240)}`],
])('OD-01: %s is none', (_, issuer) => expect(ISSUER.test(issuer)).toBe(false));

test('a hostile text costs no time', () => {
  const began = process.cpuUsage().user;
  for (const text of ['https://' + 'a-'.repeat(100_000), 'https://a' + '/a'.repeat(100_000) + '?', 'https://' + 'a.'.repeat(100_000)])
    expect(ISSUER.test(text)).toBe(false);
  expect(process.cpuUsage().user - began).toBeLessThan(1_000_000);
});

test.each([
  ['https://id.example.org', '/.well-known/openid-configuration', '/.well-known/jwks.json'],
  ['https://example.org:8443/a/b', '/a/b/.well-known/openid-configuration', '/a/b/.well-known/jwks.json'],
])('OD-02: the documents of %s stand below it', (issuer, discovery, keys) => {
  expect(oidcPaths(issuer)).toEqual({ discovery, keys });
  const { origin } = new URL(issuer);
  expect(discoveryUrl(issuer)).toBe(origin + discovery);
  expect(JSON.parse(discoveryJson(issuer)).jwks_uri).toBe(origin + keys);
});

test('OD-02, OD-03: the discovery document has what Discovery asks for, and names the issuer as it is', () => {
  expect(JSON.parse(discoveryJson('https://id.example.org/a'))).toEqual({
    issuer: 'https://id.example.org/a',
    jwks_uri: 'https://id.example.org/a/.well-known/jwks.json',
    authorization_endpoint: '',
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  });
});

test('OD-04, OD-06: an RS256 key stands in it with its algorithm, modulus and exponent, and nothing secret', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const known = jwtKeyOf('RS256', publicKey.export({ format: 'der', type: 'spki' }))!;
  const kid = jwtThumbprint(known);
  const { keys } = JSON.parse(oidcKeysJson({ jwt: [{ kid, ...known }] }));
  expect(keys).toEqual([{ use: 'sig', alg: 'RS256', kid, ...publicKey.export({ format: 'jwk' }) }]);
  expect(await calculateJwkThumbprint(keys[0])).toBe(kid);
});

test('OD-04: a key set of its own, for signatures, with alg and kid and public members alone', () => {
  const points = [generateAuthorityKey().point, generateAuthorityKey().point];
  const { keys } = JSON.parse(oidcKeysJson({ jwt: points.map((point) => ({ kid: p256Thumbprint(point), point })) }));
  expect(keys).toHaveLength(2);
  for (const [i, key] of keys.entries()) {
    expect(key).toEqual({ use: 'sig', alg: 'ES256', kid: p256Thumbprint(points[i]!), kty: 'EC', crv: 'P-256', x: key.x, y: key.y });
    expect([key.x, key.y].every((text: string) => text.length === 43)).toBe(true);
  }
});
