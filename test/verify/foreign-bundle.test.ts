import { generateKeyPairSync } from 'node:crypto';
import { MandateError } from '../../src/domain/errors';
import { readForeignBundle } from '../../src/verify/foreign-bundle';
import { pem } from '../../src/domain/pem';
import { type Forged, forge } from './forge';

let root: Forged;
beforeAll(async () => (root = await forge({ ca: true })));

const entry = (forged: Forged) => ({ use: 'x509-svid', kty: 'EC', x5c: [forged.der.toString('base64')] });
const jwtEntry = (kid: string, type: 'P-256' | 'RSA' = 'P-256', bits = 2048) => {
  const { publicKey } =
    type === 'RSA' ? generateKeyPairSync('rsa', { modulusLength: bits }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { use: 'jwt-svid', kid, ...publicKey.export({ format: 'jwk' }) };
};
const read = (document: unknown, form: 'pem' | 'document' = 'document') =>
  readForeignBundle(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), 'example.org', form);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof MandateError && error.code === 'E_FEDERATION_BUNDLE') return error.explanation.why ?? '';
    throw error;
  }
  return 'accepted';
};

test('passes on the public keys of a document, and nothing else of it', () => {
  const key = jwtEntry('k');
  const bundle = read({
    keys: [entry(root), { ...key, alg: 'ES256' }],
    spiffe_sequence: 7,
    spiffe_refresh_hint: 60,
    more: 'x',
  });
  expect(bundle).toMatchObject({ trustDomain: 'example.org', sequence: 7n, refreshHintSeconds: 60, ignored: [] });
  expect(bundle.x509.equals(root.der)).toBe(true);
  expect(JSON.parse(bundle.jwks.toString())).toEqual({ keys: [key] });
});

test('a trust domain without keys of a kind has none of that kind', () => {
  expect(read({ keys: [entry(root)] }).jwks).toHaveLength(0);
  expect(read({ keys: [jwtEntry('k')] }).x509).toHaveLength(0);
});

test('TB-27, TB-28: the sequence number to 64 bits; a hint that is none', () => {
  expect(read('{"keys":[],"spiffe_sequence":18446744073709551615,"spiffe_refresh_hint":0}')).toMatchObject({
    sequence: 18446744073709551615n,
    refreshHintSeconds: undefined,
  });
  expect(refusal(() => read({ keys: [], spiffe_sequence: -1 }))).toContain('sequence');
});

test('FD-30: only a document of that form replaces a bundle; PEM is for what an administrator gives', () => {
  const text = pem('CERTIFICATE', root.der);
  expect(refusal(() => read(text))).toBe('it is not a JSON object');
  expect(read(text, 'pem').x509.equals(root.der)).toBe(true);
  for (const wrong of ['', 'null', '[]', '"x"', '{', '{"keys":1}', '{}', '{"keys":[],"keys":[]}', '\ufeff{"keys":[]}'])
    expect([wrong, refusal(() => read(wrong))]).not.toEqual([wrong, 'accepted']);
  expect(refusal(() => readForeignBundle(Buffer.from([0x7b, 0xff, 0x7d]), 'example.org', 'document'))).toBe('it is not UTF-8');
});

test('TB-31: bounds, before and behind the parser', async () => {
  expect(refusal(() => read(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`))).toBe('it is larger than 256 KiB');
  const many = await Promise.all(Array.from({ length: 33 }, () => forge({ ca: true })));
  expect(read({ keys: many.slice(1).map(entry) }).trust.roots).toHaveLength(32);
  expect(refusal(() => read({ keys: many.map(entry) }))).toBe('it has more than 32 authorities of one kind');
  expect(refusal(() => read({ keys: [{ ...jwtEntry('k'.repeat(70_000)) }] }))).toBe('its authorities of one kind are larger than 64 KiB');
});

test('keys that some clients refuse are left out, so that they do not take our own with them', async () => {
  const weak = jwtEntry('weak', 'RSA', 1024);
  const bundle = read({
    keys: [
      entry(await forge({ ca: true, keyType: 'RSA' })),
      entry(await forge({ ca: true, keyType: 'P-384' })),
      weak,
      jwtEntry('good', 'RSA'),
    ],
  });
  expect(bundle.trust.roots).toHaveLength(2);
  expect((JSON.parse(bundle.jwks.toString()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)).toEqual(['good']);
  expect(bundle.ignored).toHaveLength(1);
});
