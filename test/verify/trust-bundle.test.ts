import { generateKeyPairSync } from 'node:crypto';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import type { Bundle } from '../../src/domain/bundle';
import { bundlePem, jwkSetJson, spiffeBundleJson } from '../../src/domain/bundle';
import { parseCertificate } from '../../src/domain/certificate';
import { isOlder, parseBundle } from '../../src/verify/trust-bundle';
import { makeRoot } from '../authority/fixture';
import { forge } from './forge';

let bundle: Bundle;
let entries: Record<string, unknown>[];
beforeAll(async () => {
  const jwt = ['k1', 'k2'].map((kid) => ({ kid, point: generateAuthorityKey().point }));
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

it('TB-01, TB-04: reads the three forms that we publish', () => {
  expect(parse(spiffeBundleJson(bundle))).toMatchObject({ trustDomain: 'example.org', ignored: [] });
  expect(counts(spiffeBundleJson(bundle))).toEqual({ roots: 2, jwtKeys: 2, ignored: [] });
  expect(counts(jwkSetJson(bundle))).toEqual({ roots: 0, jwtKeys: 2, ignored: [] });
  expect(counts(bundlePem(bundle))).toEqual({ roots: 2, jwtKeys: 0, ignored: [] });
});

it('TB-30: knows its trust domain from its roots, or is told', async () => {
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
  ['129 keys', { keys: Array.from({ length: 129 }, () => ({})) }],
  ['more than 1 MiB', `{"keys":[]}${' '.repeat(1024 * 1024)}`],
  ['PEM with something else around it', `hello\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n`],
  ['PEM of a key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
])('TB-20, TB-31: refuses a document with %s', (_, document) => {
  expect(() => parse(document)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

it('TB-25, TB-26: tolerates members it does not know, and a set that is empty', () => {
  expect(counts({ keys: entries, extra: 1, spiffe_extra: {} })).toMatchObject({ roots: 2, jwtKeys: 2 });
  expect(counts({ keys: [] })).toEqual({ roots: 0, jwtKeys: 0, ignored: [] });
  expect(counts({ keys: [{ ...entries[2], alg: 'ES256', key_ops: ['verify'] }] })).toMatchObject({ jwtKeys: 1 });
  expect(counts({ keys: [{ ...entries[0], kid: 'k', x: undefined, y: undefined, crv: undefined }] })).toMatchObject({ roots: 1 });
});

const sequenceOf = (text: string) => parse(`{"keys":[],"spiffe_sequence":${text}}`).sequence;
it.each(['0', '1', '9007199254740993', '18446744073709551615'])('TB-27: keeps the sequence %s to the last digit', (text) => {
  expect(sequenceOf(text)).toBe(BigInt(text));
  expect(parse(`{ "spiffe_sequence" :\n ${text} , "keys":[{"spiffe_sequence":7}]}`).sequence).toBe(BigInt(text));
  expect(parse({ keys: [] }).sequence).toBeUndefined();
});
it.each(['-1', '-0', '1.5', '1.0', '1e3', '"1"', 'null', 'true', '[1]', '18446744073709551616', '9'.repeat(1000)])(
  'TB-28: refuses the sequence %s',
  (text) => {
    expect(() => sequenceOf(text)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
  },
);

it.each<[string, number | undefined]>([
  ['1', 1],
  ['300', 300],
  ['2678401', 2678400],
  ['9'.repeat(400), 2678400],
  ['0', undefined],
  ['-300', undefined],
  ['1.5', undefined],
  ['"300"', undefined],
  ['null', undefined],
])('TB-28: takes the refresh hint %s for %s', (text, seconds) => {
  expect(parse(`{"keys":[],"spiffe_refresh_hint":${text}}`).refreshHintSeconds).toBe(seconds);
});
it('TB-26: knows no hint under another name', () => {
  expect(parse({ keys: [], refresh_hint: 60, sequence: 3 })).toMatchObject({ refreshHintSeconds: undefined, sequence: undefined });
});

it.each([
  ['{"keys":[],"spiffe_sequence":2}', '{"keys":[],"spiffe_sequence":3}', true],
  ['{"keys":[],"spiffe_sequence":9007199254740992}', '{"keys":[],"spiffe_sequence":9007199254740993}', true],
  ['{"keys":[],"spiffe_sequence":3}', '{"keys":[],"spiffe_sequence":3}', false],
  ['{"keys":[],"spiffe_sequence":4}', '{"keys":[],"spiffe_sequence":3}', false],
  ['{"keys":[]}', '{"keys":[],"spiffe_sequence":3}', false],
  ['{"keys":[],"spiffe_sequence":2}', '{"keys":[]}', false],
])('TB-29: %s is older than %s: %s', (next, held, older) => {
  expect(isOlder(parse(next), parse(held))).toBe(older);
});

const rsa = (modulusLength: number): object => ({
  ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }),
  use: 'jwt-svid',
  kid: 'r',
});

it.each<[string, string, number, (entry: Record<string, unknown>) => unknown, string]>([
  ['TB-22', 'another use', 0, (e) => ({ ...e, use: 'X509-SVID' }), 'another use'],
  ['TB-22', 'use sig', 2, (e) => ({ ...e, use: 'sig' }), 'another use'],
  ['TB-22', 'no use', 2, (e) => ({ ...e, use: undefined }), 'another use'],
  ['TB-23', 'no x5c', 0, (e) => ({ ...e, x5c: undefined }), 'no certificate'],
  ['TB-23', 'an empty x5c', 0, (e) => ({ ...e, x5c: [] }), 'no certificate'],
  [
    'TB-24',
    'base64url for base64',
    0,
    (e) => ({ ...e, x5c: [String((e['x5c'] as string[])[0]).replace(/=*$/, '-')] }),
    'a certificate that is not base64',
  ],
  ['TB-21', 'no kty', 2, (e) => ({ ...e, kty: undefined }), 'a kty that is not known'],
  ['TB-21', 'an unknown kty around a certificate', 0, (e) => ({ ...e, kty: 'AKP' }), 'a kty that is not known'],
  ['TB-22', 'use of a WIT-SVID', 2, (e) => ({ ...e, use: 'wit-svid' }), 'another use'],
  ['TB-23', 'x5c that is text', 0, (e) => ({ ...e, x5c: String((e['x5c'] as string[])[0]) }), 'no certificate'],
  ['TB-24', 'a line break in the certificate', 0, (e) => ({ ...e, x5c: [`${String((e['x5c'] as string[])[0])}\n`] }), 'not base64'],
  ['TB-24', 'a numeric kid', 2, (e) => ({ ...e, kid: 1 }), 'no kid'],
  ['TB-24', 'an Ed25519 key', 2, (e) => ({ ...e, kty: 'OKP', crv: 'Ed25519' }), 'not a usable public key'],
  ['TB-24', 'an unknown curve', 2, (e) => ({ ...e, crv: 'secp256k1' }), 'not a usable public key'],
  ['TB-24', 'a curve from the prototype', 2, (e) => ({ ...e, crv: 'constructor' }), 'not a usable public key'],
  ['TB-24', 'coordinates of another curve', 2, (e) => ({ ...e, crv: 'P-384' }), 'not a usable public key'],
  ['TB-24', 'an RSA key of 1024 bits', 2, () => rsa(1024), 'not a usable public key'],
  ['TB-24', 'an RSA key with a huge exponent', 2, () => ({ ...rsa(2048), e: '_'.repeat(40) }), 'not a usable public key'],
  ['TB-24', 'an RSA key without end', 2, () => ({ ...rsa(2048), n: `${'_'.repeat(4000)}` }), 'not a usable public key'],
  ['TB-24', 'half a certificate', 0, (e) => ({ ...e, x5c: [String((e['x5c'] as string[])[0]).slice(0, 400)] }), 'not a certificate'],
  ['TB-24', 'no kid', 2, (e) => ({ ...e, kid: undefined }), 'no kid'],
  ['TB-24', 'an empty kid', 2, (e) => ({ ...e, kid: '' }), 'no kid'],
  ['TB-21', 'an unknown kty', 2, (e) => ({ ...e, kty: 'AKP' }), 'a kty that is not known'],
  ['TB-21', 'a shared secret', 2, () => ({ kty: 'oct', use: 'jwt-svid', kid: 'k', k: 'AAAA' }), 'a kty that is not known'],
  ['TB-24', 'a point off the curve', 2, (e) => ({ ...e, y: e['x'] }), 'not a usable public key'],
  ['TB-24', 'padding in a coordinate', 2, (e) => ({ ...e, x: `${String(e['x'])}=` }), 'not a usable public key'],
  ['TB-24', 'a short coordinate', 2, (e) => ({ ...e, x: String(e['x']).slice(0, 40) }), 'not a usable public key'],
  ['TB-24', 'text instead of an entry', 0, () => 'key', 'not an object'],
])('%s: ignores and reports an entry with %s, and keeps the rest', (_rule, _, index, change, why) => {
  const keys = entries.map((entry, i) => (i === index ? change(entry) : entry));
  const read = counts({ keys });
  expect(read.roots + read.jwtKeys).toBe(3);
  expect(read.ignored).toEqual([expect.stringContaining(why)]);
  expect(read.ignored[0]).toContain(`key ${index + 1}`);
});

it('TB-23, TB-24: takes only the first of several certificates, and no leaf for a root', async () => {
  const [first, second] = entries.map((entry) => (entry['x5c'] as string[] | undefined)?.[0]);
  const read = parse({ keys: [{ ...entries[0], x5c: [first, second] }] });
  expect(read.roots.map(({ certificate }) => certificate.tbs)).toEqual([parseCertificate(Buffer.from(first!, 'base64')).tbs]);
  const leaf = await forge({ name: 'CN=leaf' });
  expect(counts(bundlePem({ ...bundle, x509: [bundle.x509[0]!, leaf.der] })).ignored).toEqual([
    'certificate 2: a certificate that is not an authority',
  ]);
});

it('TB-24: takes neither of two keys under one kid', () => {
  const read = counts({ keys: [entries[2], { ...entries[3], kid: 'k1' }, { ...entries[3], kid: 'k3' }] });
  expect(read).toEqual({ roots: 0, jwtKeys: 1, ignored: ['2 keys share one kid'] });
});

it('TB-21: a key of an unknown type takes no kid from another', () => {
  expect(counts({ keys: [entries[2], { ...entries[3], kid: 'k1', kty: 'AKP' }] })).toMatchObject({
    jwtKeys: 1,
    ignored: ['key 2: a kty that is not known'],
  });
});

it('TB-24: takes no key whose kid is that of a WIT-SVID too', () => {
  const read = counts({ keys: [entries[2], { ...entries[3], kid: 'k1', use: 'wit-svid' }] });
  expect(read).toEqual({ roots: 0, jwtKeys: 0, ignored: ['key 2: another use', '2 keys share one kid'] });
});

it.each(['EC', 'RSA'])('TB-08: takes no %s key whose secret is published with it', (kty) => {
  const { privateKey } =
    kty === 'EC' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const read = parse({ keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'k' }] });
  expect(read).toMatchObject({ jwtKeys: [], ignored: ['key 1: a key whose secret is published'] });
});

it.each(['P-256', 'P-384', 'P-521'])('TB-10: reads a key on %s whose coordinates begin with zero octets', (namedCurve) => {
  for (let i = 0; i < 300; i++) {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const jwk = publicKey.export({ format: 'jwk' }) as { x: string };
    const read = parse({ keys: [{ ...jwk, use: 'jwt-svid', kid: 'k' }] });
    expect(read.jwtKeys.map(({ key }) => key.equals(publicKey))).toEqual([true]);
  }
});
