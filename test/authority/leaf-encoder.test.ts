import { sign, verify, X509Certificate } from 'node:crypto';
import { LeafEncoder } from '../../src/authority/leaf-encoder';
import { localKey } from '../../src/authority/signing-key';
import { parseCertificate } from '../../src/domain/certificate';
import type { X509Plan } from '../../src/domain/issuance';
import type { TestRoot } from './fixture';
import { makeRoot, NOW_MS, x509Plan } from './fixture';
import { oracleTbs } from './oracle';

const MINUTE_MS = 60_000;
const END_2049 = Date.UTC(2049, 11, 31, 23, 59, 59);

let root: TestRoot;
let encoder: LeafEncoder;
const encoderOf = (r: TestRoot): LeafEncoder => new LeafEncoder({ key: localKey(r.key), name: r.certificate.subject, keyId: r.keyId });

beforeAll(async () => {
  root = await makeRoot();
  encoder = encoderOf(root);
});

/** A SPIFFE ID of exactly `bytes` bytes. */
const idOf = (bytes: number): string => `spiffe://a/${'x'.repeat(bytes - 11)}`;

describe('a leaf is byte for byte what @peculiar/x509 encodes', () => {
  const lengths = [
    12, 13, 40, 84, 85, 86, 90, 100, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128,
  ];
  const long = [129, 130, 131, 200, 230, 240, 245, 250, 251, 252, 253, 254, 255, 256, 257, 258, 259, 260, 511, 512, 1024, 2000, 2047, 2048];
  it.each([...lengths, ...long])('with a SPIFFE ID of %i bytes', async (bytes) => {
    const plan = x509Plan(root, { spiffeId: idOf(bytes) });
    expect(encoder.tbs(plan).equals(await oracleTbs(plan, root.certificate.subject, root.point, root.key))).toBe(true);
  });

  it.each<[string, number, number]>([
    ['wholly before 2050', END_2049 - MINUTE_MS, END_2049],
    ['over its first second', END_2049, END_2049 + 1000],
    ['wholly after', END_2049 + 1000, END_2049 + MINUTE_MS],
    ['at the epoch', 0, MINUTE_MS],
    ['of no length', NOW_MS, NOW_MS],
  ])('with dates %s', async (_, notBeforeMs, notAfterMs) => {
    const plan = x509Plan(root, { notBeforeMs, notAfterMs });
    expect(encoder.tbs(plan).equals(await oracleTbs(plan, root.certificate.subject, root.point, root.key))).toBe(true);
  });

  it('with random serials and keys, and issuer names of every short length', async () => {
    for (let i = 0; i < 24; i++) {
      const other = await makeRoot(undefined, undefined, `${'a'.repeat(1 + i * 10)}.example`);
      const plan = x509Plan(other);
      const expected = await oracleTbs(plan, other.certificate.subject, other.point, other.key);
      expect(encoderOf(other).tbs(plan).toString('hex')).toBe(expected.toString('hex'));
    }
  });
});

it('signs what it encoded, with the key of its authority', () => {
  for (let i = 0; i < 50; i++) {
    const plan = x509Plan(root);
    const leaf = parseCertificate(encoder.sign(plan) as Buffer);
    expect(leaf.tbs.equals(encoder.tbs(plan))).toBe(true);
    expect(verify('sha256', leaf.tbs, root.publicKey, leaf.signature)).toBe(true);
  }
});

it('builds other leaves while a signature is made elsewhere, and each is whole', async () => {
  const key = {
    publicKey: root.publicKey,
    sign: async (data: Buffer) => {
      const own = Buffer.from(data);
      await new Promise((resolve) => setImmediate(resolve));
      return sign('sha256', own, root.key);
    },
  };
  const elsewhere = new LeafEncoder({ key, name: root.certificate.subject, keyId: root.keyId });
  const plans = Array.from({ length: 50 }, () => x509Plan(root));
  const leaves = await Promise.all(plans.map(async (plan) => elsewhere.sign(plan)));
  leaves.forEach((leaf, index) => {
    const { tbs, signature } = parseCertificate(leaf);
    expect(tbs.equals(encoder.tbs(plans[index]!))).toBe(true);
    expect(verify('sha256', tbs, root.publicKey, signature)).toBe(true);
  });
});

it('is accepted by node:crypto as issued by its root', () => {
  const leaf = new X509Certificate(encoder.sign(x509Plan(root)) as Buffer);
  expect(leaf.checkIssued(new X509Certificate(root.der))).toBe(true);
  expect(leaf.verify(root.publicKey)).toBe(true);
  expect(leaf.subjectAltName).toBe('URI:spiffe://example.org/agent/ana');
});

it('hands out bytes that the next leaf does not overwrite', () => {
  const first = encoder.sign(x509Plan(root)) as Buffer;
  const copy = Buffer.from(first);
  void encoder.sign(x509Plan(root));
  expect(first.equals(copy)).toBe(true);
});

it.each<[string, Partial<X509Plan>]>([
  ['XL-12: a serial that would be negative', { serial: 'ff'.repeat(16) }],
  ['XL-12: a serial that would be shorter', { serial: `00${'11'.repeat(15)}` }],
  ['a serial in capitals', { serial: '4A'.repeat(16) }],
  ['parts of a second', { notAfterMs: NOW_MS + 1 }],
  ['no date', { notAfterMs: Number.NaN }],
  ['a year beyond 9999', { notAfterMs: 253402300800000 }],
  ['an end before the beginning', { notAfterMs: NOW_MS - 20_000 }],
  ['a compressed key', { publicKey: Buffer.alloc(33, 2) }],
  ['ID-10: a SPIFFE ID beyond 2048 bytes', { spiffeId: idOf(2049) }],
  ['a SPIFFE ID outside ASCII', { spiffeId: 'spiffe://example.org/\u0141' }],
  ['XL-02: a SPIFFE ID without a path', { spiffeId: 'spiffe://example.org' }],
  ['XL-02: a SPIFFE ID with a slash for a path', { spiffeId: 'spiffe://example.org/' }],
  ['a line break', { spiffeId: 'spiffe://example.org/a\n' }],
])('%s is refused', (_, changes) => {
  expect(() => encoder.sign(x509Plan(root, changes))).toThrow();
});
