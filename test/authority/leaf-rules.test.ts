import { X509Certificate } from 'node:crypto';
import { openX509Authority } from '../../src/authority/x509-authority';
import { localKey } from '../../src/authority/signing-key';
import { newSerial } from '../../src/domain/serial';
import { systemRandom } from '../../src/system/random';
import type { TestRoot } from './fixture';
import { DAY_MS, makeRoot, NOW_MS, TRUST_DOMAIN, x509Plan } from './fixture';
import type { ForeignReading } from './foreign-reading';
import { OID, readForeign, USAGE } from './foreign-reading';

const AGENT_ID = 'spiffe://example.org/agent/ana';
const [SERVER_AUTH, CLIENT_AUTH] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

let root: TestRoot;
beforeAll(async () => {
  root = await makeRoot();
});

const authority = () => openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN);
const leafOf: Record<string, () => Promise<Buffer>> = {
  'a process': async () => authority().signer.sign(x509Plan(root)),
  'our own endpoint': async () => {
    const wish = { serial: newSerial(systemRandom), notBeforeMs: NOW_MS - 10_000, notAfterMs: NOW_MS + DAY_MS, hostnames: ['laptop'] };
    return (await authority().endpointLeaf(wish)).certificate;
  },
};

/** The two dates as UTCTime and GeneralizedTime, written out. */
const validity = (short: string, long: string): Buffer =>
  Buffer.concat([Buffer.from([0x17, 13]), Buffer.from(short), Buffer.from([0x18, 15]), Buffer.from(long)]);

describe.each([
  ['a process', AGENT_ID],
  ['our own endpoint', 'spiffe://example.org/mandate/server'],
])('the leaf of %s', (whose, spiffeId) => {
  let der: Buffer;
  let leaf: ForeignReading;
  beforeAll(async () => {
    der = await leafOf[whose]!();
    leaf = readForeign(der);
  });

  it('XL-01: has one URI among its names, its SPIFFE ID', () => {
    expect(leaf.names.filter(({ type }) => type === 'url')).toEqual([{ type: 'url', value: spiffeId }]);
  });

  it('XL-19: has the bytes of its SPIFFE ID there, unchanged', () => {
    const uri = Buffer.concat([Buffer.from([0x86, spiffeId.length]), Buffer.from(spiffeId, 'ascii')]);
    expect(leaf.raw(OID.altNames)!.hex).toContain(uri.toString('hex'));
  });

  it('XL-03: is not marked as an authority', () => {
    expect(leaf.ca ?? false).toBe(false);
    expect(new X509Certificate(der).ca).toBe(false);
  });

  it('XL-04, CI-09: has basic constraints, as an empty sequence', () => {
    expect(leaf.raw(OID.basicConstraints)?.hex).toBe('3000');
  });

  it('XL-05: has a critical key usage', () => {
    expect(leaf.raw(OID.keyUsage)?.critical).toBe(true);
  });

  it('XL-06: may sign, but neither certificates nor revocation lists', () => {
    expect(leaf.usages! & USAGE.digitalSignature).not.toBe(0);
    expect(leaf.usages! & (USAGE.keyCertSign | USAGE.cRLSign)).toBe(0);
  });

  it('XL-07: may do nothing else', () => {
    expect(leaf.usages! & ~(USAGE.digitalSignature | USAGE.keyCertSign | USAGE.cRLSign)).toBe(0);
  });

  it('XL-08: has an extended key usage', () => {
    expect(leaf.extendedUsages).toBeDefined();
  });

  it('XL-09: is for both ends of TLS', () => {
    expect([...(leaf.extendedUsages ?? [])].sort()).toEqual([SERVER_AUTH, CLIENT_AUTH]);
  });

  it('XL-10: has an empty subject, and critical names', () => {
    expect(new X509Certificate(der).subject).toBe(undefined);
    expect(leaf.raw(OID.altNames)?.critical).toBe(true);
  });

  it('XL-12: is of version 3', () => {
    expect(der.toString('hex')).toMatch(/^3082....3082....a003020102/);
  });

  it('XL-13: names its authority as that one names itself', () => {
    expect(leaf.authorityKeyId).toBe(root.keyId.toString('hex'));
    expect(leaf.authorityKeyId).toBe(readForeign(root.der).keyId);
    expect(der.includes(root.certificate.subject)).toBe(true);
    expect(new X509Certificate(der).issuer).toBe(new X509Certificate(root.der).subject);
    expect(der.toString('hex').split('300a06082a8648ce3d040302')).toHaveLength(3);
  });

  it('XL-17, CI-10: has a key on P-256', () => {
    const { asymmetricKeyType, asymmetricKeyDetails } = new X509Certificate(der).publicKey;
    expect([asymmetricKeyType, asymmetricKeyDetails?.namedCurve]).toEqual(['ec', 'prime256v1']);
  });
});

it('XL-16: dates until 2049 have the short form, later ones the long, in leaf and root', async () => {
  const [last2049, year2051] = [Date.UTC(2049, 11, 31, 23, 59, 59), Date.UTC(2051, 0, 1)];
  const lasting = await makeRoot(last2049 - DAY_MS, year2051);
  const leaf = openX509Authority(lasting.der, localKey(lasting.key), TRUST_DOMAIN).signer.sign(
    x509Plan(lasting, { notBeforeMs: last2049, notAfterMs: last2049 + 1000 }),
  ) as Buffer;
  expect(leaf.includes(validity('491231235959Z', '20500101000000Z'))).toBe(true);
  expect(lasting.der.includes(validity('491230235959Z', '20510101000000Z'))).toBe(true);
});

it('XL-11: a process gets no host name', async () => {
  expect(readForeign(await leafOf['a process']!()).names.map(({ type }) => type)).toEqual(['url']);
});

it('XC-06: what an authority signs is of the trust domain that it names', async () => {
  const [authorityId] = readForeign(root.der).names;
  const [leafId] = readForeign(await leafOf['a process']!()).names;
  expect(leafId!.value.startsWith(`${authorityId!.value}/`)).toBe(true);
});

it('XL-12: serials are positive, of one length that fits, and do not repeat', () => {
  const serials = Array.from({ length: 10_000 }, () => Buffer.from(newSerial(systemRandom), 'hex'));
  expect(new Set(serials.map((serial) => serial.toString('hex'))).size).toBe(serials.length);
  // The leading octet of a DER INTEGER: not zero, or it would be shorter, and below 128, or it would be negative.
  expect(serials.every((serial) => serial.length === 16 && serial[0]! >= 0x40 && serial[0]! < 0x80)).toBe(true);
});

it('XL-12: a serial is random but for its first two bits', () => {
  const bytes = Array.from({ length: 4000 }, () => Buffer.from(newSerial(systemRandom), 'hex'));
  for (let at = 0; at < 16; at++) expect(new Set(bytes.map((serial) => serial[at])).size).toBeGreaterThan(at === 0 ? 60 : 250);
});
