import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { LeafEncoder } from '../../src/authority/leaf-encoder';
import { localKey } from '../../src/authority/signing-key';
import { TAG, tlv } from '../../src/domain/der';
import { pem } from '../../src/domain/pem';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { parseBundle } from '../../src/verify/trust-bundle';
import { verifyX509Svid } from '../../src/verify/x509-svid';
import { makeRoot, NOW_MS, x509Plan } from '../authority/fixture';
import { INVALID, VALID } from '../domain/spiffe-id-vectors';
import { between, bundleOf, refusal, verdict } from './chains';
import type { Forged, Forgery } from './forge';
import { forge } from './forge';

const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = x509.KeyUsageFlags;

let root: Forged;
let bundle: TrustBundle;
beforeAll(async () => {
  root = await forge({ ca: true });
  bundle = bundleOf([root]);
});

it('XV-20: verifies what our own authority signs, in DER and in PEM, from its first to its last millisecond', async () => {
  const own = await makeRoot();
  const plan = x509Plan(own);
  const leaf = new LeafEncoder({ key: localKey(own.key), name: own.certificate.subject, keyId: own.keyId }).sign(plan) as Buffer;
  const against = parseBundle(Buffer.from(pem('CERTIFICATE', own.der)));
  const expected = { spiffeId: plan.spiffeId, serial: plan.serial, notBeforeMs: plan.notBeforeMs, notAfterMs: plan.notAfterMs };
  for (const form of [leaf, [leaf], Buffer.from(pem('CERTIFICATE', leaf))])
    for (const nowMs of [plan.notBeforeMs, NOW_MS, plan.notAfterMs]) expect(verifyX509Svid(form, against, nowMs)).toEqual(expected);
  expect(() => verifyX509Svid(leaf, against, plan.notAfterMs + 1)).toThrow(refusal('the leaf has expired'));
  expect(() => verifyX509Svid(leaf, against, plan.notBeforeMs - 1)).toThrow(refusal('the leaf is not valid yet'));
});

const eku = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], true);
const unknown = (critical: boolean) => new x509.Extension('1.2.3.4', critical, new Uint8Array([5, 0]));

it.each<[string, string, Forgery]>([
  ['XV-20, XV-23', 'the plain form: no subject, a critical SPIFFE ID', {}],
  ['XV-20', 'a subject', { name: 'CN=somebody' }],
  ['XV-10, XV-22', 'DNS names beside', { dns: ['a.example', 'b.example'] }],
  ['XV-20', 'no basic constraints', { ca: null }],
  ['XV-20', 'more key usages', { usage: digitalSignature | keyAgreement }],
  ['XV-20', 'critical extended key usage', { extra: [eku] }],
  ['XV-20', 'an unknown extension that is not critical', { extra: [unknown(false)] }],
  ['XV-20', 'no key identifiers', { bare: true }],
  ['XV-20', 'a P-384 key of its own', { keyType: 'P-384' }],
  ['XV-20', 'an RSA key of its own', { keyType: 'RSA' }],
])('%s: accepts a leaf with %s', async (_rule, _, wish) => {
  const leaf = await forge({ ...wish, issuer: root });
  expect(verdict([leaf], bundle)).toMatchObject({ spiffeId: 'spiffe://example.org/agent/ana', serial: '41' });
});

const uriName = (text: string): Buffer => tlv(0x86, Buffer.from(text, 'latin1'));
const names = (...list: readonly Buffer[]): Forgery => ({ san: tlv(TAG.sequence, ...list) });
const ID = 'spiffe://example.org/a';

it('XV-10, XV-22: accepts every other kind of name beside the SPIFFE ID', async () => {
  const others = [0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x87, 0x88].map((tag) => tlv(tag, Buffer.from('0403616263', 'hex')));
  const leaf = await forge({ issuer: root, ...names(...others, uriName(ID)) });
  expect(verdict([leaf], bundle)).toMatchObject({ spiffeId: ID });
});

it.each<[string, string, Forgery, unknown]>([
  ['XV-01, XV-24', 'expired', { notAfterMs: NOW_MS - 1000 }, 'the leaf has expired'],
  ['XV-01, XV-24', 'not valid yet', { notBeforeMs: NOW_MS + 1000 }, 'the leaf is not valid yet'],
  ['XV-09, XV-25', 'without key usage', { usage: null }, 'a leaf whose key may not sign'],
  ['XV-09, XV-25', 'without digitalSignature', { usage: keyAgreement }, 'a leaf whose key may not sign'],
  [
    'XV-02, XV-26',
    'marked as an authority',
    { ca: true, name: 'CN=x', usage: digitalSignature, uris: [ID] },
    'a leaf marked as an authority',
  ],
  ['XV-02, XV-27', 'with keyCertSign', { usage: digitalSignature | keyCertSign }, 'a leaf whose key may sign certificates'],
  ['XV-02, XV-28', 'with cRLSign', { usage: digitalSignature | cRLSign }, 'a leaf whose key may sign certificates'],
  ['XV-05, XV-29', 'without names', { uris: [], name: 'CN=x' }, '0 URI names instead of one'],
  ['XV-05, XV-29', 'with DNS names only', { uris: [], dns: ['example.org'] }, '0 URI names instead of one'],
  ['XV-05, XV-29', 'with an empty list of names', names(), '0 URI names instead of one'],
  ['XV-04, XV-30', 'with two SPIFFE IDs', { uris: [ID, 'spiffe://example.org/b'] }, '2 URI names instead of one'],
  ['XV-04, XV-30', 'with an https URI beside', { uris: [ID, 'https://example.org/a'] }, '2 URI names instead of one'],
  ['XV-04, XV-30', 'with an https URI in front', { uris: ['https://example.org/a', ID] }, '2 URI names instead of one'],
  ['XV-04, XV-30', 'with one SPIFFE ID twice', { uris: [ID, ID] }, '2 URI names instead of one'],
  ['XV-03, XV-31', 'with an https URI', { uris: ['https://example.org/a'] }, 'a URI name that is not a SPIFFE ID'],
  ['XV-03, XV-31', 'with half a scheme', { uris: ['spiffe:example.org/a'] }, 'a URI name that is not a SPIFFE ID'],
  ['XV-03, XV-32', 'with a slash for a path', { uris: ['spiffe://example.org/'] }, 'a URI name that is not a SPIFFE ID'],
  ['XV-03, XV-32', 'of the domain itself', { uris: ['spiffe://example.org'] }, 'the SPIFFE ID of a trust domain, not of a workload'],
  ['XV-01, XV-39', 'with an unknown critical extension', { extra: [unknown(true)] }, 'a critical extension that is not understood'],
])('%s: refuses a leaf %s', async (_rule, _, wish, why) => {
  const leaf = await forge({ ...wish, issuer: root });
  expect(() => verdict([leaf], bundle)).toThrow(refusal(why));
});

it.each([
  ['constructed', 0xa6],
  ['universal', 0x16],
  ['of a class of its own', 0xc6],
])('XV-04: refuses a second URI that only a lax reader would see, %s', async (_, tag) => {
  const leaf = await forge({ issuer: root, ...names(uriName(ID), tlv(tag, Buffer.from('spiffe://example.org/b'))) });
  expect(() => verdict([leaf], bundle)).toThrow(refusal('not a certificate: an alternative name that is none'));
});

it.each(Object.entries(INVALID))('XV-41: refuses the URI name %s', async (_, id) => {
  for (const encoding of ['utf8', 'utf16le'] as const) {
    const leaf = await forge({ issuer: root, ...names(tlv(0x86, Buffer.from(id, encoding))) });
    expect(() => verdict([leaf], bundle)).toThrow(refusal('a URI name that is not a SPIFFE ID'));
  }
});

it.each(Object.entries(VALID).filter(([, id]) => id.indexOf('/', 9) > 0))(
  'XV-20, ID-10: verifies the SPIFFE ID %s as it stands',
  async (_, id) => {
    const leaf = await forge({ issuer: root, ...names(uriName(id)) });
    expect(verdict([leaf], bundleOf([root], id.slice(9).split('/')[0]))).toMatchObject({ spiffeId: id });
  },
);

it('XV-43: refuses bytes after the leaf, within it and in the place of a certificate', async () => {
  const leaf = await forge({ issuer: root });
  const longer = Buffer.concat([leaf.der, Buffer.alloc(1)]);
  for (const chain of [longer, [longer], [leaf.der, Buffer.alloc(0)], [leaf.der, Buffer.from('3000', 'hex')]])
    expect(() => verifyX509Svid(chain, bundle, NOW_MS)).toThrow(refusal(expect.stringContaining('not a certificate')));
  for (let length = 1; length < leaf.der.length; length += 7)
    expect(() => verdict([{ ...leaf, der: leaf.der.subarray(0, length) }], bundle)).toThrow(
      refusal(expect.stringContaining('not a certificate')),
    );
});

it('refuses nothing, too much, and PEM with something around it', async () => {
  const { der } = await forge({ issuer: root });
  const crowd = Array.from({ length: 9 }, () => der);
  const against = (chain: Buffer | readonly Buffer[]) => () => verifyX509Svid(chain, bundle, NOW_MS);
  expect(against([])).toThrow(refusal('no certificate'));
  expect(against(Buffer.alloc(0))).toThrow(refusal('neither DER nor PEM of 1 to 8 certificates'));
  expect(against(Buffer.from(`${pem('CERTIFICATE', der)}rest`))).toThrow(refusal('neither DER nor PEM of 1 to 8 certificates'));
  for (const chain of [crowd, Buffer.concat(crowd)]) expect(against(chain)).toThrow(refusal('more than 8 certificates'));
  expect(against(Buffer.from(crowd.map((one) => pem('CERTIFICATE', one)).join('')))).toThrow(refusal(expect.anything()));
  for (const chain of [Buffer.alloc(65537, 0x30), [der, Buffer.alloc(65537)]])
    expect(against(chain)).toThrow(refusal('larger than 64 KiB'));
});

it('XV-06, XV-08, XV-34, XV-36, TB-25: refuses every leaf where its trust domain has no bundle, or an empty one', async () => {
  const leaf = await forge({ issuer: root });
  const empty = parseBundle(Buffer.from('{"keys":[]}'), 'example.org');
  expect(() => verdict([leaf], empty)).toThrow(refusal('no root of the bundle issued it'));
  for (const none of [{ ...bundle, trustDomain: undefined }, bundleOf([root], 'example.com'), bundleOf([root], 'a.example.org')])
    expect(() => verdict([leaf], none)).toThrow(refusal('no bundle of its trust domain'));
  expect(() => verifyX509Svid(leaf.der, new Map(), NOW_MS)).toThrow(refusal('no bundle of its trust domain'));
});

it('XV-06, XV-33: asks the bundle of the leaf’s trust domain and no other', async () => {
  const other = await forge({ ca: true, uris: ['spiffe://example.com'] });
  const bundles = new Map([
    ['example.org', bundle],
    ['example.com', bundleOf([other], 'example.com')],
  ]);
  const leafOf = (issuer: Forged, id: string) => forge({ issuer, uris: [id] });
  const told = (leaf: Forged) => verifyX509Svid(leaf.der, bundles, NOW_MS).spiffeId;
  expect(told(await leafOf(root, 'spiffe://example.org/a'))).toBe('spiffe://example.org/a');
  expect(told(await leafOf(other, 'spiffe://example.com/a'))).toBe('spiffe://example.com/a');
  const crossed = [await leafOf(root, 'spiffe://example.com/a'), await leafOf(other, 'spiffe://example.org/a')];
  for (const leaf of crossed) expect(() => told(leaf)).toThrow(refusal('a root did not sign it'));
  const third = await leafOf(root, 'spiffe://sub.example.org/a');
  expect(() => told(third)).toThrow(refusal('no bundle of its trust domain'));
});

it('XV-06: a bundle under another name than its own answers for neither', async () => {
  const leaf = await forge({ issuer: root });
  const misfiled = new Map([['example.org', bundleOf([root], 'example.com')]]);
  expect(() => verifyX509Svid(leaf.der, misfiled, NOW_MS)).toThrow(refusal('no bundle of its trust domain'));
});

it('XV-07, XV-35, WL-33: takes no root from the JWT keys', async () => {
  const leaf = await forge({ issuer: root });
  const { x, y } = root.key.export({ format: 'jwk' });
  const entry = { use: 'jwt-svid', kid: 'k', kty: 'EC', crv: 'P-256', x, y, x5c: [root.der.toString('base64')] };
  const only = parseBundle(Buffer.from(JSON.stringify({ keys: [entry] })), 'example.org');
  expect([only.jwtKeys.length, only.roots.length]).toEqual([1, 0]);
  expect(() => verdict([leaf], only)).toThrow(refusal('no root of the bundle issued it'));
});

describe('a chain of which one byte was changed', () => {
  let chain: readonly Buffer[];
  beforeAll(async () => {
    const middle = await between(root);
    chain = [(await forge({ issuer: middle })).der, middle.der];
    expect(verifyX509Svid(chain, bundle, NOW_MS)).toMatchObject({ serial: '41' });
  });

  it('XV-01, XV-42: is never accepted', () => {
    const change = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([which, where, flip]) => {
        const changed = chain.map((der) => Buffer.from(der));
        const target = changed[which]!;
        target[where % target.length]! ^= flip;
        expect(() => verifyX509Svid(changed, bundle, NOW_MS)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
      }),
      { numRuns: 3000 },
    );
  });

  it('XV-01: nor with a byte less, or one more', () => {
    const change = fc.tuple(fc.nat(), fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }));
    fc.assert(
      fc.property(change, ([where, extra]) => {
        const [leaf, middle] = chain as [Buffer, Buffer];
        const at = where % leaf.length;
        const changed = Buffer.concat([
          leaf.subarray(0, at),
          Buffer.from(extra === undefined ? [] : [extra]),
          leaf.subarray(extra === undefined ? at + 1 : at),
        ]);
        expect(() => verifyX509Svid([changed, middle], bundle, NOW_MS)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
      }),
      { numRuns: 1000 },
    );
  });
});
