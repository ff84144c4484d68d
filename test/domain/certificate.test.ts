import { X509Certificate } from 'node:crypto';
import { basicConstraintsOf, keyUsageOf, parseCertificate, subjectKeyIdOf, uriNamesOf } from '../../src/domain/certificate';
import type { Certificate } from '../../src/domain/certificate';
import { DerError, TAG, tlv } from '../../src/domain/der';
import { LeafEncoder } from '../../src/authority/leaf-encoder';
import { localKey } from '../../src/authority/signing-key';
import type { TestRoot } from '../authority/fixture';
import { makeRoot, x509Plan } from '../authority/fixture';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

let root: TestRoot;
let leaf: Buffer;
beforeAll(async () => {
  root = await makeRoot();
  leaf = new LeafEncoder({ key: localKey(root.key), name: root.certificate.subject, keyId: root.keyId }).sign(x509Plan(root)) as Buffer;
});

it.each(['root', 'leaf'])('reads a %s as node:crypto does', (which) => {
  const der = which === 'root' ? root.der : leaf;
  const read = parseCertificate(der);
  const shown = new X509Certificate(der);
  expect(read.serial.toString('hex')).toBe(shown.serialNumber.toLowerCase());
  expect(read.notBeforeMs).toBe(Date.parse(shown.validFrom));
  expect(read.notAfterMs).toBe(Date.parse(shown.validTo));
  expect(read.spki.equals(shown.publicKey.export({ format: 'der', type: 'spki' }))).toBe(true);
  expect(
    uriNamesOf(read)
      .map((uri) => `URI:${uri}`)
      .join(),
  ).toBe(shown.subjectAltName);
  expect(basicConstraintsOf(read)?.ca).toBe(shown.ca);
  expect(subjectKeyIdOf(read)).toHaveLength(20);
});

it('finds nothing where there are no such extensions', () => {
  const bare: Certificate = { ...parseCertificate(leaf), extensions: new Map() };
  expect([keyUsageOf(bare), basicConstraintsOf(bare), subjectKeyIdOf(bare)]).toEqual([undefined, undefined, undefined]);
  expect(uriNamesOf(bare)).toEqual([]);
});

const having = (oid: string, value: Buffer): Certificate => ({
  ...parseCertificate(leaf),
  extensions: new Map([[oid, { critical: true, value }]]),
});

it.each([
  ['03020780', 0x80],
  ['03020106', 0x06],
  ['0303070080', 0x00], // decipherOnly alone
])('key usage %s', (value, expected) => {
  expect(keyUsageOf(having('551d0f', hex(value)))).toBe(expected);
});
it.each(['030100', '03020080', '03020700', '03020880', '030407000080', '04020780', '0302078000', ''])(
  'refuses the key usage %j',
  (value) => {
    expect(() => keyUsageOf(having('551d0f', hex(value)))).toThrow(DerError);
  },
);

it.each([
  ['3000', { ca: false, pathLength: undefined }],
  ['30030101ff', { ca: true, pathLength: undefined }],
  ['30060101ff020100', { ca: true, pathLength: 0 }],
])('basic constraints %s', (value, expected) => {
  expect(basicConstraintsOf(having('551d13', hex(value)))).toEqual(expected);
});
it.each(['3003010100', '3003020100', '30060101ff0201ff', '30070101ff02020100', '300001', '30030101fe', ''])(
  'refuses the basic constraints %j',
  (value) => {
    expect(() => basicConstraintsOf(having('551d13', hex(value)))).toThrow(DerError);
  },
);

it('refuses an extension twice, two signature algorithms and unused bits in the signature', () => {
  const { tbs, algorithm, signature } = parseCertificate(leaf);
  const outer = (...parts: Buffer[]): Buffer => tlv(TAG.sequence, ...parts);
  const bits = tlv(TAG.bitString, Buffer.alloc(1), signature);
  expect(() => parseCertificate(outer(tbs, algorithm, bits))).not.toThrow();
  expect(() => parseCertificate(outer(tbs, hex('300a06082a8648ce3d040303'), bits))).toThrow('algorithms differ');
  expect(() => parseCertificate(outer(tbs, algorithm, tlv(TAG.bitString, hex('01'), signature)))).toThrow('unused bits');
  const at = tbs.lastIndexOf(hex('0603551d0e'));
  const twice = Buffer.from(tbs);
  twice[at + 4] = 0x23;
  expect(() => parseCertificate(outer(twice, algorithm, bits))).toThrow('an extension twice');
});
