import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { readRoot } from '../../src/authority/root-certificate';
import { openX509Authority } from '../../src/authority/x509-authority';
import { localKey } from '../../src/authority/signing-key';
import { pem } from '../../src/domain/pem';
import { newSerial } from '../../src/domain/serial';
import { systemRandom } from '../../src/system/random';
import type { TestRoot } from './fixture';
import { DAY_MS, makeRoot, NOW_MS, TRUST_DOMAIN, x509Plan } from './fixture';
import type { ForeignReading } from './foreign-reading';
import { OID, readForeign, USAGE } from './foreign-reading';

let root: TestRoot;
beforeAll(async () => {
  root = await makeRoot();
});

describe('a root', () => {
  let read: ForeignReading;
  let shown: X509Certificate;
  beforeAll(() => {
    read = readForeign(root.der);
    shown = new X509Certificate(root.der);
  });

  it('XC-01: is marked as an authority, critically', () => {
    expect([read.ca, read.raw(OID.basicConstraints)?.critical]).toEqual([true, true]);
  });

  it('XC-02: may sign certificates, and says so critically', () => {
    expect(read.usages! & USAGE.keyCertSign).not.toBe(0);
    expect(read.raw(OID.keyUsage)?.critical).toBe(true);
  });

  it('XC-03: may sign nothing else but revocation lists', () => {
    expect(read.usages! & ~(USAGE.keyCertSign | USAGE.cRLSign)).toBe(0);
  });

  it('XC-04: carries one SPIFFE ID', () => {
    expect(read.names.map(({ type, value }) => [type, value.startsWith('spiffe://')])).toEqual([['url', true]]);
  });

  it('XC-05: which is that of its trust domain, without path and slash', () => {
    expect(read.names[0]!.value).toBe('spiffe://example.org');
  });

  it('XC-08: sets no length of paths', () => {
    expect(read.raw(OID.basicConstraints)?.hex).toBe('30030101ff');
  });

  it('XC-09, XC-10: constrains no names and has no extended key usage', () => {
    expect([...read.extensions].sort()).toEqual([OID.basicConstraints, OID.keyUsage, OID.altNames, OID.keyId].sort());
  });

  it('XC-11: has a subject and a key identifier', () => {
    expect(shown.subject).toBe(`O=example.org\nCN=Mandate X.509 authority ${root.keyId.toString('hex', 0, 4)}`);
    expect(read.keyId).toBe(root.keyId.toString('hex'));
  });

  it('XC-12: is signed by itself', () => {
    expect(shown.issuer).toBe(shown.subject);
    expect(shown.verify(root.publicKey)).toBe(true);
  });

  it('has a serial of 16 octets', () => expect(root.certificate.serial).toHaveLength(16));

  it.each(['sub.example.org', 'ample.org', 'example.or', 'example.org.', 'org'])('ID-14: is none of %s', (other) => {
    expect(() => readRoot(root.der, other)).toThrow(expect.objectContaining({ code: 'E_INTEGRITY' }));
  });
});

it('is refused once any of its bits has changed', () => {
  const der = Buffer.from(root.der);
  for (let at = 0; at < der.length; at++) {
    der[at]! ^= 1 << (at % 8);
    expect(() => readRoot(der, TRUST_DOMAIN)).toThrow(expect.objectContaining({ code: 'E_INTEGRITY' }));
    der[at]! ^= 1 << (at % 8);
  }
  expect(() => readRoot(der, 'example.com')).toThrow(expect.objectContaining({ code: 'E_INTEGRITY' }));
});

it('opens with its own key only', () => {
  expect(openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN).keyId).toBe(root.keyId.toString('hex'));
  expect(() => openX509Authority(root.der, localKey(generateAuthorityKey().key), TRUST_DOMAIN)).toThrow(
    expect.objectContaining({ code: 'E_KEY_FILE' }),
  );
});

it('XL-11: issues an endpoint leaf that answers to loopback and plain host names', async () => {
  const authority = openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN);
  const serial = newSerial(systemRandom);
  const leaf = await authority.endpointLeaf({
    serial,
    notBeforeMs: NOW_MS - 10_000,
    notAfterMs: NOW_MS + 400 * DAY_MS,
    hostnames: ['Laptop', 'laptop', 'a_b', '*.example.com', 'x y'],
  });
  const shown = new X509Certificate(leaf.certificate);
  expect(shown.subjectAltName).toBe(
    'URI:spiffe://example.org/mandate/server, DNS:localhost, DNS:laptop, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  expect(leaf.notAfterMs).toBe(authority.notAfterMs);
  expect(Date.parse(shown.validTo)).toBe(leaf.notAfterMs);
  expect(shown.serialNumber.toLowerCase()).toBe(serial);
  expect(shown.checkPrivateKey(leaf.key)).toBe(true);
  expect(shown.checkHost('localhost')).toBe('localhost');
  expect(shown.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(shown.ca).toBe(false);
});

const openssl = spawnSync('openssl', ['version']).status === 0;
(openssl ? describe : describe.skip)(`openssl verify -x509_strict${openssl ? '' : ' (skipped: openssl is not on PATH)'}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mandate-openssl-'));
    writeFileSync(join(folder, 'root.pem'), pem('CERTIFICATE', root.der));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const verdict = (leaf: Buffer, ...more: string[]): string => {
    const file = join(folder, 'leaf.pem');
    writeFileSync(file, pem('CERTIFICATE', leaf));
    const args = ['verify', '-x509_strict', '-attime', String(NOW_MS / 1000), ...more, '-CAfile', join(folder, 'root.pem'), file];
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
  };

  it.each(['sslserver', 'sslclient'])('XL-13: accepts leaves for %s', (purpose) => {
    const authority = openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN);
    for (const spiffeId of ['spiffe://example.org/a', `spiffe://example.org/${'x'.repeat(2027)}`]) {
      const leaf = authority.signer.sign(x509Plan(root, { spiffeId })) as Buffer;
      expect(verdict(leaf, '-purpose', purpose)).toMatch(/: OK$/);
    }
  });

  it('accepts the root and the endpoint leaf', async () => {
    const authority = openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN);
    const wish = { serial: newSerial(systemRandom), notBeforeMs: NOW_MS - 10_000, notAfterMs: NOW_MS + DAY_MS, hostnames: [] };
    const leaf = await authority.endpointLeaf(wish);
    expect(verdict(leaf.certificate, '-purpose', 'sslserver', '-verify_hostname', 'localhost')).toMatch(/: OK$/);
    expect(verdict(leaf.certificate, '-verify_ip', '::1')).toMatch(/: OK$/);
    expect(verdict(root.der)).toMatch(/: OK$/);
  });

  it('rejects a leaf with a changed bit, so that its OK means something', () => {
    const leaf = openX509Authority(root.der, localKey(root.key), TRUST_DOMAIN).signer.sign(x509Plan(root)) as Buffer;
    leaf[leaf.length - 1]! ^= 1;
    expect(() => verdict(leaf)).toThrow();
  });
});
