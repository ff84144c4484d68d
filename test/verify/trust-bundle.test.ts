import { generateKeyPairSync } from 'node:crypto';
import type { Bundle } from '../../src/domain/bundle';
import { bundlePem, jwkSetJson, spiffeBundleJson } from '../../src/domain/bundle';
import { generateAgentKey } from '../../src/node/agent-key';
import { parseBundle } from '../../src/verify/trust-bundle';
import { makeRoot } from '../authority/fixture';
import { forge } from './forge';

let bundle: Bundle;
let entries: Record<string, unknown>[];
beforeAll(async () => {
  const jwt = ['k1', 'k2'].map((kid) => ({ kid, point: generateAgentKey().point }));
  const roots = [await makeRoot(), await makeRoot()];
  bundle = { trustDomain: 'example.org', sequence: 3, refreshHintSeconds: 60, x509: roots.map(({ der }) => der), jwt };
  entries = (JSON.parse(spiffeBundleJson(bundle)) as { keys: Record<string, unknown>[] }).keys;
});

const parse = (document: unknown, trustDomain?: string) =>
  parseBundle(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), trustDomain);
const counts = (document: unknown) => {
  const { roots, jwtKeys, ignored } = parse(document);
  return { roots: roots.length, jwtKeys: jwtKeys.length, ignored: [...ignored] };
};

it('reads the three forms that we publish', () => {
  expect(parse(spiffeBundleJson(bundle))).toMatchObject({ trustDomain: 'example.org', ignored: [] });
  expect(counts(spiffeBundleJson(bundle))).toEqual({ roots: 2, jwtKeys: 2, ignored: [] });
  expect(counts(jwkSetJson(bundle))).toEqual({ roots: 0, jwtKeys: 2, ignored: [] });
  expect(counts(bundlePem(bundle))).toEqual({ roots: 2, jwtKeys: 0, ignored: [] });
});

it('knows its trust domain from its roots, or is told', async () => {
  expect(parse(bundlePem(bundle)).trustDomain).toBe('example.org');
  expect(parse(jwkSetJson(bundle)).trustDomain).toBeUndefined();
  expect(parse(jwkSetJson(bundle), 'example.org').trustDomain).toBe('example.org');
  const other = await makeRoot(undefined, undefined, 'example.com');
  expect(parse(bundlePem({ ...bundle, x509: [...bundle.x509, other.der] })).trustDomain).toBeUndefined();
  const nameless = await forge({ ca: true, uris: [] });
  expect(parse(bundlePem({ ...bundle, x509: [nameless.der] })).trustDomain).toBeUndefined();
  const pathful = await forge({ ca: true, uris: ['spiffe://example.org/a'] });
  expect(parse(bundlePem({ ...bundle, x509: [pathful.der] })).trustDomain).toBeUndefined();
});

it.each<[string, unknown]>([
  ['no keys', {}],
  ['keys that are an object', { keys: {} }],
  ['a list', []],
  ['text', 'hello'],
  ['nothing', ''],
  ['a member twice', '{"keys":[],"keys":[]}'],
  ['257 keys', { keys: Array.from({ length: 257 }, () => ({})) }],
  ['more than 1 MiB', `{"keys":[]}${' '.repeat(1024 * 1024)}`],
  ['PEM with something else around it', `hello\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n`],
  ['PEM of a key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
])('refuses a document with %s', (_, document) => {
  expect(() => parse(document)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

it('tolerates members it does not know, an unusable hint and an empty set', () => {
  expect(counts({ keys: entries, extra: 1, spiffe_refresh_hint: -1 })).toMatchObject({ roots: 2, jwtKeys: 2 });
  expect(counts({ keys: [] })).toEqual({ roots: 0, jwtKeys: 0, ignored: [] });
  expect(counts({ keys: [{ ...entries[2], alg: 'ES256' }] })).toMatchObject({ jwtKeys: 1 });
});

it.each<[string, number, (entry: Record<string, unknown>) => unknown, string]>([
  ['another use', 0, (e) => ({ ...e, use: 'X509-SVID' }), 'another use'],
  ['use sig', 2, (e) => ({ ...e, use: 'sig' }), 'another use'],
  ['no use', 2, (e) => ({ ...e, use: undefined }), 'another use'],
  ['no x5c', 0, (e) => ({ ...e, x5c: undefined }), 'no certificate'],
  ['an empty x5c', 0, (e) => ({ ...e, x5c: [] }), 'no certificate'],
  [
    'base64url for base64',
    0,
    (e) => ({ ...e, x5c: [String((e['x5c'] as string[])[0]).replace(/=*$/, '-')] }),
    'a certificate that is not base64',
  ],
  ['half a certificate', 0, (e) => ({ ...e, x5c: [String((e['x5c'] as string[])[0]).slice(0, 400)] }), 'not a certificate'],
  ['no kid', 2, (e) => ({ ...e, kid: undefined }), 'no kid'],
  ['an empty kid', 2, (e) => ({ ...e, kid: '' }), 'no kid'],
  ['an unknown kty', 2, (e) => ({ ...e, kty: 'AKP' }), 'a kty that is not known'],
  ['a shared secret', 2, () => ({ kty: 'oct', use: 'jwt-svid', kid: 'k', k: 'AAAA' }), 'a kty that is not known'],
  ['a point off the curve', 2, (e) => ({ ...e, y: e['x'] }), 'not a usable public key'],
  ['padding in a coordinate', 2, (e) => ({ ...e, x: `${String(e['x'])}=` }), 'not a usable public key'],
  ['a short coordinate', 2, (e) => ({ ...e, x: String(e['x']).slice(0, 40) }), 'not a usable public key'],
  ['text instead of an entry', 0, () => 'key', 'not an object'],
])('ignores and reports an entry with %s, and keeps the rest', (_, index, change, why) => {
  const keys = entries.map((entry, i) => (i === index ? change(entry) : entry));
  const read = counts({ keys });
  expect(read.roots + read.jwtKeys).toBe(3);
  expect(read.ignored).toEqual([expect.stringContaining(why)]);
  expect(read.ignored[0]).toContain(`key ${index + 1}`);
});

it('takes only the first of several certificates, and no leaf for a root', async () => {
  const [first, second] = entries.map((entry) => (entry['x5c'] as string[] | undefined)?.[0]);
  const read = parse({ keys: [{ ...entries[0], x5c: [first, second] }] });
  expect(read.roots).toHaveLength(1);
  const leaf = await forge({ name: 'CN=leaf' });
  expect(counts(bundlePem({ ...bundle, x509: [bundle.x509[0]!, leaf.der] })).ignored).toEqual([
    'certificate 2: a certificate that is not an authority',
  ]);
});

it('takes neither of two keys under one kid', () => {
  const read = counts({ keys: [entries[2], { ...entries[3], kid: 'k1' }, { ...entries[3], kid: 'k3' }] });
  expect(read).toEqual({ roots: 0, jwtKeys: 1, ignored: ['2 keys share one kid'] });
});

it('never takes private members', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const read = parse({ keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'k' }] });
  expect(read).toMatchObject({ jwtKeys: [], ignored: ['key 1: a key whose secret is published'] });
});
