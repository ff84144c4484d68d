import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { LeafEncoder } from '../../src/authority/leaf-encoder';
import { pem } from '../../src/domain/pem';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { parseBundle } from '../../src/verify/trust-bundle';
import { verifyX509Svid } from '../../src/verify/x509-svid';
import { DAY_MS, makeRoot, NOW_MS, x509Plan } from '../authority/fixture';
import type { Forged, Forgery } from './forge';
import { forge } from './forge';

const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = x509.KeyUsageFlags;
const bundleOf = (roots: readonly Buffer[], trustDomain?: string): TrustBundle =>
  parseBundle(Buffer.from(roots.map((der) => pem('CERTIFICATE', der)).join('')), trustDomain);

let root: Forged;
let bundle: TrustBundle;
beforeAll(async () => {
  root = await forge({ ca: true });
  bundle = bundleOf([root.der]);
});

const verdict = (chain: readonly Buffer[], against = bundle, nowMs = NOW_MS) => verifyX509Svid(Buffer.concat(chain), against, nowMs);
const refusal = (why: unknown) => expect.objectContaining({ code: 'E_NOT_VERIFIED', explanation: { why } });

it('verifies what our own authority signs, in DER and in PEM', async () => {
  const own = await makeRoot();
  const plan = x509Plan(own);
  const leaf = new LeafEncoder({ key: own.key, name: own.certificate.subject, keyId: own.keyId }).sign(plan);
  const expected = { spiffeId: plan.spiffeId, serial: plan.serial, notBeforeMs: plan.notBeforeMs, notAfterMs: plan.notAfterMs };
  expect(verdict([leaf], bundleOf([own.der]))).toEqual(expected);
  expect(verdict([Buffer.from(pem('CERTIFICATE', leaf))], bundleOf([root.der, own.der]))).toEqual(expected);
  expect(() => verdict([leaf], bundleOf([own.der]), plan.notAfterMs + 1)).toThrow(refusal('the leaf has expired'));
  expect(() => verdict([leaf], bundleOf([own.der]), plan.notBeforeMs - 1)).toThrow(refusal('the leaf is not valid yet'));
  expect(verdict([leaf], bundleOf([own.der]), plan.notAfterMs)).toEqual(expected);
});

it('refuses a leaf of ours with any byte changed', async () => {
  const own = await makeRoot();
  const leaf = new LeafEncoder({ key: own.key, name: own.certificate.subject, keyId: own.keyId }).sign(x509Plan(own));
  const against = bundleOf([own.der]);
  for (let at = 0; at < leaf.length; at++) {
    leaf[at]! ^= 1 << (at % 8);
    expect(() => verdict([leaf], against)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
    leaf[at]! ^= 1 << (at % 8);
  }
});

const eku = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], true);
const unknown = (critical: boolean) => new x509.Extension('1.2.3.4', critical, new Uint8Array([5, 0]));

it.each<[string, Forgery]>([
  ['the plain form', {}],
  ['a subject', { name: 'CN=somebody' }],
  ['DNS names beside', { dns: ['a.example', 'b.example'] }],
  ['no basic constraints', { ca: null }],
  ['more key usages', { usage: digitalSignature | keyAgreement }],
  ['critical extended key usage', { extra: [eku] }],
  ['an unknown extension that is not critical', { extra: [unknown(false)] }],
  ['a P-384 key of its own', { keyType: 'P-384' }],
])('accepts a leaf with %s', async (_, wish) => {
  const leaf = await forge({ ...wish, issuer: root });
  expect(verdict([leaf.der])).toMatchObject({ spiffeId: 'spiffe://example.org/agent/ana', serial: '41' });
});

it.each<[string, Forgery, unknown]>([
  ['expired', { notAfterMs: NOW_MS - 1000 }, 'the leaf has expired'],
  ['not valid yet', { notBeforeMs: NOW_MS + 1000 }, 'the leaf is not valid yet'],
  ['without key usage', { usage: null }, 'a leaf whose key may not sign'],
  ['without digitalSignature', { usage: keyAgreement }, 'a leaf whose key may not sign'],
  [
    'marked as an authority',
    { ca: true, name: 'CN=x', usage: digitalSignature, uris: ['spiffe://example.org/a'] },
    'a leaf marked as an authority',
  ],
  ['with keyCertSign', { usage: digitalSignature | keyCertSign }, 'a leaf whose key may sign certificates'],
  ['with cRLSign', { usage: digitalSignature | cRLSign }, 'a leaf whose key may sign certificates'],
  ['without names', { uris: [], name: 'CN=x' }, '0 URI names instead of one'],
  ['with DNS names only', { uris: [], dns: ['example.org'] }, '0 URI names instead of one'],
  ['with two SPIFFE IDs', { uris: ['spiffe://example.org/a', 'spiffe://example.org/b'] }, '2 URI names instead of one'],
  ['with an https URI beside', { uris: ['spiffe://example.org/a', 'https://example.org/a'] }, '2 URI names instead of one'],
  ['with one SPIFFE ID twice', { uris: ['spiffe://example.org/a', 'spiffe://example.org/a'] }, '2 URI names instead of one'],
  ['with an https URI', { uris: ['https://example.org/a'] }, 'a URI name that is not a SPIFFE ID'],
  ['with half a scheme', { uris: ['spiffe:example.org/a'] }, 'a URI name that is not a SPIFFE ID'],
  ['with dot segments', { uris: ['spiffe://example.org/a/../b'] }, 'a URI name that is not a SPIFFE ID'],
  ['with percent-encoding', { uris: ['spiffe://example.org/%61'] }, 'a URI name that is not a SPIFFE ID'],
  ['with a slash for a path', { uris: ['spiffe://example.org/'] }, 'a URI name that is not a SPIFFE ID'],
  ['of the trust domain itself', { uris: ['spiffe://example.org'] }, 'the SPIFFE ID of a trust domain, not of a workload'],
  ['of another trust domain', { uris: ['spiffe://example.com/a'] }, 'no bundle of its trust domain'],
  ['of a subdomain', { uris: ['spiffe://a.example.org/a'] }, 'no bundle of its trust domain'],
  ['with an unknown critical extension', { extra: [unknown(true)] }, 'a critical extension that is not understood'],
  ['that names another issuer', { issuerName: 'CN=other' }, 'no root of the bundle issued it'],
  ['signed over SHA-1', { hash: 'SHA-1' }, 'a root did not sign it'],
])('refuses a leaf %s', async (_, wish, why) => {
  const leaf = await forge({ ...wish, issuer: root });
  expect(() => verdict([leaf.der])).toThrow(refusal(why));
});

it('refuses a leaf that signed itself, or that a namesake of the root signed', async () => {
  const namesake = await forge({ ca: true });
  expect(() => verdict([namesake.der])).toThrow(refusal('the SPIFFE ID of a trust domain, not of a workload'));
  const alone = await forge({ name: 'CN=root' });
  expect(() => verdict([alone.der])).toThrow(refusal('a root did not sign it'));
  const leaf = await forge({ issuer: namesake });
  expect(() => verdict([leaf.der])).toThrow(refusal('a root did not sign it'));
  expect(verdict([leaf.der], bundleOf([root.der, namesake.der])).serial).toBe('41');
});

it.each<[string, Forgery, unknown]>([
  ['has expired', { ca: true, notAfterMs: NOW_MS - 1000 }, 'a root has expired'],
  ['is not valid yet', { ca: true, notBeforeMs: NOW_MS + 1000 }, 'a root is not valid yet'],
])('refuses a root that %s', async (_, wish, why) => {
  const other = await forge(wish);
  const leaf = await forge({ issuer: other });
  expect(() => verdict([leaf.der], bundleOf([other.der]))).toThrow(refusal(why));
});

it.each<[string, Forgery, string]>([
  ['may not sign certificates', { ca: true, usage: cRLSign }, 'may not sign certificates'],
  [
    'has empty name constraints',
    { ca: true, extra: [new x509.Extension('2.5.29.30', true, new Uint8Array([0x30, 0]))] },
    'has a constraint that is not understood',
  ],
])('ignores a root that %s, and says so', async (_, wish, why) => {
  const other = await forge(wish);
  const leaf = await forge({ issuer: other });
  const told = `no root of the bundle issued it; ignored in the bundle: certificate 1: a certificate that ${why}`;
  expect(() => verdict([leaf.der], bundleOf([other.der], 'example.org'))).toThrow(refusal(told));
});

describe('with an intermediate', () => {
  const between = (wish: Forgery = {}): Promise<Forged> => forge({ ca: true, name: 'CN=between', issuer: root, ...wish });

  it('accepts one that is sent along, not one that is missing', async () => {
    const middle = await between();
    const leaf = await forge({ issuer: middle });
    expect(verdict([leaf.der, middle.der])).toMatchObject({ serial: '41' });
    expect(verdict([leaf.der, middle.der, root.der])).toMatchObject({ serial: '41' });
    expect(() => verdict([leaf.der])).toThrow(refusal('no root of the bundle issued it'));
  });

  it.each<[string, Forgery, unknown]>([
    ['has expired', { notAfterMs: NOW_MS - 1000 }, 'an intermediate has expired'],
    ['is no authority', { ca: false, uris: ['spiffe://example.org'] }, 'an intermediate is not an authority'],
    ['may not sign certificates', { usage: digitalSignature }, 'an intermediate may not sign certificates'],
    ['has an unknown critical extension', { extra: [unknown(true)] }, 'an intermediate has a constraint that is not understood'],
  ])('refuses one that %s', async (_, wish, why) => {
    const middle = await between(wish);
    const leaf = await forge({ issuer: middle });
    expect(() => verdict([leaf.der, middle.der])).toThrow(refusal(why));
  });

  it('refuses a leaf as the issuer of another', async () => {
    const first = await forge({ issuer: root, name: 'CN=first' });
    const second = await forge({ issuer: first });
    expect(() => verdict([second.der, first.der])).toThrow(refusal('an intermediate is not an authority'));
  });

  it('refuses one where the root allows none, and a path with two', async () => {
    const strict = await forge({ ca: true, pathLength: 0 });
    const middle = await forge({ ca: true, name: 'CN=between', issuer: strict });
    const leaf = await forge({ issuer: middle });
    expect(() => verdict([leaf.der, middle.der], bundleOf([strict.der]))).toThrow(refusal('a root allows no intermediate'));
    expect(verdict([(await forge({ issuer: strict })).der], bundleOf([strict.der]))).toMatchObject({ serial: '41' });
    const second = await forge({ ca: true, name: 'CN=second', issuer: await between() });
    const deep = await forge({ issuer: second });
    expect(() => verdict([deep.der, second.der])).toThrow(refusal('no root of the bundle issued it'));
  });
});

it('verifies under RSA and P-384 roots', async () => {
  for (const wish of [{ keyType: 'RSA' }, { keyType: 'P-384', hash: 'SHA-384' }] as const) {
    const other = await forge({ ca: true, ...wish });
    const leaf = await forge({ issuer: other, hash: 'hash' in wish ? wish.hash : 'SHA-512' });
    expect(verdict([leaf.der], bundleOf([other.der]))).toMatchObject({ serial: '41' });
  }
});

it('refuses trailing bytes, truncations, too many certificates and nothing', async () => {
  const leaf = await forge({ issuer: root });
  expect(() => verdict([leaf.der, Buffer.alloc(1)])).toThrow(refusal(expect.stringContaining('not a certificate')));
  for (let length = 1; length < leaf.der.length; length += 7)
    expect(() => verdict([leaf.der.subarray(0, length)])).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
  expect(() => verdict(Array.from({ length: 9 }, () => leaf.der))).toThrow(refusal('more than 8 certificates'));
  expect(() => verdict([])).toThrow(refusal('neither DER nor PEM of 1 to 8 certificates'));
  expect(() => verdict([Buffer.alloc(65537, 0x30)])).toThrow(refusal('larger than 64 KiB'));
  expect(() => verdict([Buffer.from(`${pem('CERTIFICATE', leaf.der)}rest`)])).toThrow(
    refusal('neither DER nor PEM of 1 to 8 certificates'),
  );
});

it('refuses every leaf where the bundle is empty or of an unknown trust domain', async () => {
  const leaf = await forge({ issuer: root });
  const empty = parseBundle(Buffer.from('{"keys":[]}'), 'example.org');
  expect(() => verdict([leaf.der], empty)).toThrow(refusal('no root of the bundle issued it'));
  expect(() => verdict([leaf.der], { ...bundle, trustDomain: undefined })).toThrow(refusal('no bundle of its trust domain'));
  const late = NOW_MS + 2 * DAY_MS;
  expect(() => verdict([leaf.der], bundle, late)).toThrow(refusal('the leaf has expired'));
  expect(() => verdict([leaf.der], bundle, Number.NaN)).toThrow(refusal('the leaf is not valid yet'));
});
