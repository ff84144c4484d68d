import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as nodeCrypto from 'node:crypto';
import { tlv } from '../../src/domain/der';
import { MAX_SIGNATURE_CHECKS } from '../../src/verify/certificate-path';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { DAY_MS, NOW_MS } from '../authority/fixture';
import { between, bundleOf, refusal, verdict } from './chains';
import type { Forged, Forgery } from './forge';
import { forge, keyOf } from './forge';

jest.mock('node:crypto', () => {
  const actual = jest.requireActual<typeof nodeCrypto>('node:crypto');
  return { ...actual, verify: jest.fn(actual.verify) };
});
const verifying = jest.mocked(nodeCrypto.verify);
const checksOf = (run: () => unknown): number => {
  verifying.mockClear();
  try {
    run();
  } catch {
    // counted all the same
  }
  return verifying.mock.calls.length;
};

const { digitalSignature, cRLSign } = x509.KeyUsageFlags;
const unknown = new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]));

let root: Forged;
let bundle: TrustBundle;
beforeAll(async () => {
  root = await forge({ ca: true });
  bundle = bundleOf([root]);
});

describe('straight from a root', () => {
  it.each<[string, string, Forgery, unknown]>([
    ['XV-01, XV-42', 'that names another issuer', { issuerName: 'CN=other' }, 'no root of the bundle issued it'],
    ['XV-42', 'signed over SHA-1', { hash: 'SHA-1' }, 'a root did not sign it'],
  ])('%s: refuses a leaf %s', async (_rule, _, wish, why) => {
    const leaf = await forge({ ...wish, issuer: root });
    expect(() => verdict([leaf], bundle)).toThrow(refusal(why));
  });

  it('XV-42: refuses a signature of which one bit was flipped', async () => {
    const leaf = await forge({ issuer: root });
    const der = Buffer.from(leaf.der);
    der[der.length - 3]! ^= 1;
    expect(() => verdict([{ ...leaf, der }], bundle)).toThrow(refusal('a root did not sign it'));
  });

  it('XV-42: refuses an RSA signature over SHA-1 or MD5, and one of 1024 bits', async () => {
    const other = await forge({ ca: true, keyType: 'RSA' });
    const signed = await forge({ issuer: other, hash: 'SHA-1' });
    expect(() => verdict([signed], bundleOf([other]))).toThrow(refusal('a root did not sign it'));
    const leaf = await forge({ issuer: other });
    // The algorithm inside and outside: sha256WithRSAEncryption becomes md5WithRSAEncryption, which no library here signs with.
    const der = Buffer.from(
      leaf.der.toString('latin1').replaceAll('\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b', '\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04'),
      'latin1',
    );
    expect(() => verdict([{ ...leaf, der }], bundleOf([other]))).toThrow(refusal('a root did not sign it'));
    const short = bundleOf([await forge({ ca: true, keyType: 'RSA-1024' })]);
    expect(short).toMatchObject({ roots: [], ignored: ['certificate 1: a certificate that has a key that cannot be used'] });
  });

  it('XV-01: refuses a leaf that signed itself, or that a namesake of the root signed', async () => {
    const namesake = await forge({ ca: true });
    expect(() => verdict([namesake], bundle)).toThrow(refusal('the SPIFFE ID of a trust domain, not of a workload'));
    const alone = await forge({ name: 'CN=root' });
    expect(() => verdict([alone], bundle)).toThrow(refusal('a root did not sign it'));
    const leaf = await forge({ issuer: namesake });
    expect(() => verdict([leaf], bundle)).toThrow(refusal('a root did not sign it'));
  });

  it.each([true, false])('XV-20: finds the right one of roots of one name, with its key identifier or without (%s)', async (bare) => {
    const namesakes = await Promise.all(Array.from({ length: 12 }, () => forge({ ca: true, bare })));
    const leaf = await forge({ issuer: namesakes[11]!, bare });
    expect(verdict([leaf], bundleOf(namesakes))).toMatchObject({ serial: '41' });
    expect(checksOf(() => verdict([leaf], bundleOf(namesakes)))).toBe(bare ? 12 : 1);
  });

  it('XV-20: finds the right one of a root and its renewal under the same key', async () => {
    const key = keyOf('P-256');
    const old = await forge({ ca: true, key, notAfterMs: NOW_MS - 1000 });
    const renewed = await forge({ ca: true, key });
    const leaf = await forge({ issuer: old });
    for (const roots of [
      [old, renewed],
      [renewed, old],
    ])
      expect(verdict([leaf], bundleOf(roots))).toMatchObject({ serial: '41' });
    expect(() => verdict([leaf], bundleOf([old]))).toThrow(refusal('a root has expired'));
  });

  it.each<[string, Forgery, unknown]>([
    ['has expired', { ca: true, notAfterMs: NOW_MS - 1000 }, 'a root has expired'],
    ['is not valid yet', { ca: true, notBeforeMs: NOW_MS + 1000 }, 'a root is not valid yet'],
  ])('XV-01, XV-24: refuses a root that %s', async (_, wish, why) => {
    const other = await forge(wish);
    const leaf = await forge({ issuer: other });
    expect(() => verdict([leaf], bundleOf([other]))).toThrow(refusal(why));
  });

  it.each<[string, Forgery, string]>([
    ['is no authority', { ca: false, name: 'CN=root' }, 'is not an authority'],
    ['may not sign certificates', { ca: true, usage: cRLSign }, 'may not sign certificates'],
    ['has no key usage', { ca: true, usage: null }, 'may not sign certificates'],
    ['has an unknown critical extension', { ca: true, extra: [unknown] }, 'has a constraint that is not understood'],
    [
      'constrains policies',
      { ca: true, extra: [new x509.Extension('2.5.29.36', false, new Uint8Array([0x30, 0]))] },
      'has a constraint that is not understood',
    ],
  ])('XV-01, XV-37: ignores a root that %s, and says so', async (_, wish, why) => {
    const other = await forge(wish);
    const leaf = await forge({ issuer: other });
    const told = `no root of the bundle issued it; ignored in the bundle: certificate 1: a certificate that ${why}`;
    expect(() => verdict([leaf], bundleOf([other]))).toThrow(refusal(told));
  });

  it.each(['P-256', 'P-384', 'P-521', 'RSA'] as const)(
    'XV-20: verifies under a root with a key on %s, over each digest',
    async (keyType) => {
      const other = await forge({ ca: true, keyType });
      for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const)
        expect(verdict([await forge({ issuer: other, hash })], bundleOf([other]))).toMatchObject({ serial: '41' });
    },
  );

  it('XV-24: refuses every leaf at no time at all', async () => {
    const leaf = await forge({ issuer: root });
    expect(() => verdict([leaf], bundle, NOW_MS + 2 * DAY_MS)).toThrow(refusal('the leaf has expired'));
    expect(() => verdict([leaf], bundle, Number.NaN)).toThrow(refusal('the leaf is not valid yet'));
  });
});

describe('by intermediates', () => {
  it('XV-21: accepts one that is sent along, not one that is missing', async () => {
    const middle = await between(root);
    const leaf = await forge({ issuer: middle });
    for (const chain of [
      [leaf, middle],
      [leaf, middle, root],
      [leaf, root, middle],
      [leaf, middle, middle],
    ])
      expect(verdict(chain, bundle)).toMatchObject({ serial: '41' });
    expect(() => verdict([leaf], bundle)).toThrow(refusal('no root of the bundle issued it'));
    expect(() => verdict([leaf, root], bundle)).toThrow(refusal('no root of the bundle issued it'));
  });

  it('XV-21: accepts several, in any order, and an intermediate that the bundle itself names', async () => {
    const path: Forged[] = [root];
    for (let depth = 1; depth <= 6; depth++) path.push(await between(path.at(-1)!, { name: `CN=${depth}` }));
    const leaf = await forge({ issuer: path.at(-1)! });
    const sent = path.slice(1);
    for (const order of [sent, [...sent].reverse()]) expect(verdict([leaf, ...order], bundle)).toMatchObject({ serial: '41' });
    expect(() => verdict([leaf, ...sent.slice(1)], bundle)).toThrow(refusal('no root of the bundle issued it'));
    expect(verdict([leaf], bundleOf([path.at(-1)!]))).toMatchObject({ serial: '41' });
  });

  it.each<[string, string, Forgery, unknown]>([
    ['XV-24', 'has expired', { notAfterMs: NOW_MS - 1000 }, 'an intermediate has expired'],
    ['XV-24', 'is not valid yet', { notBeforeMs: NOW_MS + 1000 }, 'an intermediate is not valid yet'],
    ['XV-37', 'is no authority', { ca: false }, 'an intermediate is not an authority'],
    ['XV-37', 'has no basic constraints', { ca: null }, 'an intermediate is not an authority'],
    ['XV-37', 'may not sign certificates', { usage: digitalSignature }, 'an intermediate may not sign certificates'],
    ['XV-37', 'has no key usage', { usage: null }, 'an intermediate may not sign certificates'],
    ['XV-39', 'has an unknown critical extension', { extra: [unknown] }, 'an intermediate has a constraint that is not understood'],
    ['XV-42', 'is signed over SHA-1', { hash: 'SHA-1' }, 'a root did not sign it'],
    ['XV-42', 'has a key of 1024 bits', { keyType: 'RSA-1024' }, 'an intermediate has a key that cannot be used'],
  ])('%s: refuses one that %s', async (_rule, _, wish, why) => {
    const middle = await between(root, wish);
    const leaf = await forge({ issuer: middle });
    expect(() => verdict([leaf, middle], bundle)).toThrow(refusal(why));
  });

  it('XV-38: refuses a leaf as the issuer of another', async () => {
    const first = await forge({ issuer: root, name: 'CN=first' });
    const second = await forge({ issuer: first });
    expect(() => verdict([second, first], bundle)).toThrow(refusal('an intermediate is not an authority'));
  });

  it('XV-01: refuses an intermediate of a stranger that bears the name of the root', async () => {
    const stranger = await forge({ ca: true });
    const middle = await between(stranger);
    const leaf = await forge({ issuer: middle });
    for (const chain of [
      [leaf, middle],
      [leaf, middle, stranger],
    ])
      expect(() => verdict(chain, bundle)).toThrow(refusal(expect.stringContaining('did not sign it')));
  });

  describe('with a path length', () => {
    const deep = async (top: Forged, lengths: readonly (number | undefined)[]): Promise<readonly Forged[]> => {
      const chain: Forged[] = [];
      let issuer = top;
      for (const [i, pathLength] of lengths.entries()) {
        issuer = await between(issuer, { name: `CN=${i}`, ...(pathLength !== undefined && { pathLength }) });
        chain.unshift(issuer);
      }
      return [await forge({ issuer }), ...chain];
    };
    it.each<[number | undefined, readonly (number | undefined)[], string | undefined]>([
      [0, [], undefined],
      [0, [undefined], 'a root allows no intermediate'],
      [1, [undefined], undefined],
      [1, [0], undefined],
      [1, [undefined, undefined], 'a root allows no intermediate'],
      [undefined, [0], undefined],
      [undefined, [0, undefined], 'an intermediate allows no intermediate'],
      [1, [5, undefined], 'a root allows no intermediate'],
      [2, [0, undefined], 'an intermediate allows no intermediate'],
    ])('XV-01, XV-37: root %s, intermediates %j: %s', async (own, lengths, why) => {
      const top = await forge({ ca: true, ...(own !== undefined && { pathLength: own }) });
      const chain = await deep(top, lengths);
      if (why === undefined) expect(verdict(chain, bundleOf([top]))).toMatchObject({ serial: '41' });
      else expect(() => verdict(chain, bundleOf([top]))).toThrow(refusal(why));
    });

    it('XV-01: a certificate that an authority made for its own new key takes no room', async () => {
      const top = await forge({ ca: true, pathLength: 0 });
      const renewed = await forge({ ca: true, name: top.name, issuer: top });
      const leaf = await forge({ issuer: renewed });
      expect(verdict([leaf, renewed], bundleOf([top]))).toMatchObject({ serial: '41' });
    });
  });
});

describe('name constraints', () => {
  const subtree = (name: string, tag = 0x86): Buffer => tlv(0x30, tlv(tag, Buffer.from(name)));
  const constraints = (permitted: readonly Buffer[], excluded: readonly Buffer[], critical = true): Forgery => {
    const lists = [...(permitted.length > 0 ? [tlv(0xa0, ...permitted)] : []), ...(excluded.length > 0 ? [tlv(0xa1, ...excluded)] : [])];
    return { ca: true, extra: [new x509.Extension('2.5.29.30', critical, new Uint8Array(tlv(0x30, ...lists)))] };
  };
  const chainUnder = async (wish: Forgery, id: string): Promise<{ chain: readonly Forged[]; against: TrustBundle }> => {
    const top = await forge(wish);
    const middle = await between(top, { uris: [] });
    return { chain: [await forge({ issuer: middle, uris: [id] }), middle], against: bundleOf([top], id.slice(9).split('/')[0]) };
  };

  it.each<[string, Forgery, string, boolean]>([
    ['the host itself', constraints([subtree('example.org')], []), 'spiffe://example.org/a', true],
    ['the host in capitals', constraints([subtree('EXAMPLE.org')], []), 'spiffe://example.org/a', true],
    ['one of several hosts', constraints([subtree('a.example'), subtree('example.org')], []), 'spiffe://example.org/a', true],
    ['another host', constraints([subtree('example.com')], []), 'spiffe://example.org/a', false],
    ['a host below a host', constraints([subtree('example.org')], []), 'spiffe://a.example.org/a', false],
    ['a host below a domain', constraints([subtree('.example.org')], []), 'spiffe://a.b.example.org/a', true],
    ['the domain itself', constraints([subtree('.example.org')], []), 'spiffe://example.org/a', false],
    ['a host that ends alike', constraints([subtree('.example.org')], []), 'spiffe://myexample.org/a', false],
    ['an excluded host', constraints([], [subtree('example.org')]), 'spiffe://example.org/a', false],
    ['a host that is not excluded', constraints([], [subtree('example.com')]), 'spiffe://example.org/a', true],
    ['permitted and excluded', constraints([subtree('.example.org')], [subtree('a.example.org')]), 'spiffe://a.example.org/a', false],
    ['permitted, another excluded', constraints([subtree('.example.org')], [subtree('a.example.org')]), 'spiffe://b.example.org/a', true],
    ['an address, which is no host name', constraints([], [subtree('example.com')]), 'spiffe://192.0.2.1/a', false],
    ['not critical, and still in force', constraints([subtree('example.com')], [], false), 'spiffe://example.org/a', false],
  ])('XV-01, XV-40: %s', async (_, wish, id, holds) => {
    const { chain, against } = await chainUnder(wish, id);
    if (holds) expect(verdict(chain, against)).toMatchObject({ spiffeId: id });
    else expect(() => verdict(chain, against)).toThrow(refusal('a root may not issue for that name'));
  });

  it('XV-40: hold for the names of intermediates, and are those of an intermediate too', async () => {
    const top = await forge(constraints([subtree('example.com')], []));
    const named = await between(top, { uris: ['spiffe://example.org'] });
    const leaf = await forge({ issuer: named, uris: ['spiffe://example.com/a'] });
    expect(() => verdict([leaf, named], bundleOf([top], 'example.com'))).toThrow(refusal('a root may not issue for that name'));
    const narrow = await between(root, constraints([subtree('example.com')], []));
    const below = await forge({ issuer: narrow });
    expect(() => verdict([below, narrow], bundle)).toThrow(refusal('an intermediate may not issue for that name'));
  });

  it.each<[string, Forgery]>([
    ['of DNS names', constraints([subtree('example.org', 0x82)], [])],
    ['of DNS names beside hosts', constraints([subtree('example.org'), subtree('example.org', 0x82)], [])],
    ['of directory names', constraints([], [subtree('', 0xa4)])],
    ['with an empty host', constraints([subtree('')], [])],
    ['with a URI for a host', constraints([subtree('spiffe://example.org')], [])],
    ['with a minimum', constraints([tlv(0x30, tlv(0x86, Buffer.from('example.org')), tlv(0x80, Buffer.from([1])))], [])],
    ['that are empty', constraints([], [])],
    ['with an empty list', { ca: true, extra: [new x509.Extension('2.5.29.30', true, new Uint8Array([0x30, 2, 0xa0, 0]))] }],
  ])('XV-40: refuses constraints that are not understood, %s', async (_, wish) => {
    const middle = await between(root, wish);
    const leaf = await forge({ issuer: middle });
    expect(() => verdict([leaf, middle], bundle)).toThrow(refusal('an intermediate has a constraint that is not understood'));
  });
});

describe('hostile chains', () => {
  it('cost one signature where the path is straight, whatever is sent along', async () => {
    const leaf = await forge({ issuer: root });
    const noise = await Promise.all(Array.from({ length: 7 }, () => forge({ ca: true })));
    expect(checksOf(() => verdict([leaf, ...noise], bundle))).toBe(1);
  });

  it('use no key that a sender brought before the root has vouched for it', async () => {
    const stranger = await forge({ ca: true, name: 'CN=stranger' });
    const path = [await between(stranger, { name: 'CN=1' })];
    for (let i = 2; i <= 6; i++) path.push(await between(path.at(-1)!, { name: `CN=${i}` }));
    const leaf = await forge({ issuer: path.at(-1)! });
    expect(checksOf(() => verdict([leaf, ...path, stranger], bundle))).toBe(0);
  });

  it('with certificates that all bear one name are refused after few signatures', async () => {
    const crowd = await Promise.all(Array.from({ length: 7 }, () => forge({ ca: true, bare: true })));
    const leaf = await forge({ name: 'CN=root', ca: null });
    const chain = [leaf, ...crowd];
    expect(() => verdict(chain, bundle)).toThrow(refusal('it has more ways to a root than are tried'));
    // The root signed none of the seven and not the leaf: nothing below them is looked at.
    expect(checksOf(() => verdict(chain, bundle))).toBe(8);
  });

  it('against roots that all bear one name stop at the bound', async () => {
    const crowd = await Promise.all(Array.from({ length: 40 }, () => forge({ ca: true, bare: true })));
    const leaf = await forge({ issuer: root });
    expect(() => verdict([leaf], bundleOf(crowd))).toThrow(refusal('it has more ways to a root than are tried'));
    expect(checksOf(() => verdict([leaf], bundleOf(crowd)))).toBe(MAX_SIGNATURE_CHECKS);
  });

  it('in a ring of genuine intermediates end, too', async () => {
    // Two authorities of the domain that have signed each other, in every order that a sender can give them.
    const [a, b] = [keyOf('P-256'), keyOf('P-256')];
    const [first, second] = [
      await forge({ ca: true, name: 'CN=a', key: a, issuer: { der: root.der, key: b, name: 'CN=b' } }),
      await forge({ ca: true, name: 'CN=b', key: b, issuer: { der: root.der, key: a, name: 'CN=a' } }),
    ];
    const leaf = await forge({ issuer: first });
    expect(() => verdict([leaf, first, second, first, second], bundle)).toThrow(refusal('no root of the bundle issued it'));
    expect(checksOf(() => verdict([leaf, first, second, first, second], bundle))).toBe(0);
    const vouched = await forge({ ca: true, name: 'CN=b', key: b, issuer: root });
    expect(verdict([leaf, first, second, vouched], bundle)).toMatchObject({ serial: '41' });
  });
});
