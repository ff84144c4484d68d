import { generateKeyPairSync } from 'node:crypto';
import { tlv } from '../../src/domain/der';
import { MandateError } from '../../src/domain/errors';
import { parseBundleMap } from '../../src/verify/bundle-map';
import { verifyJwtSvid } from '../../src/verify/jwt-svid';
import { parseBundle } from '../../src/verify/trust-bundle';
import { verifyX509Svid } from '../../src/verify/x509-svid';
import { NOW_MS } from '../authority/fixture';

/** Documents that are made to cost: each is refused with a typed error, or read, and none is anything else. */

const MIB = 1024 * 1024;
const fill = (unit: string, length: number): string => unit.repeat(Math.floor(length / unit.length));

const JSON_TEXTS: Readonly<Record<string, string>> = {
  'opening brackets': fill('[', MIB),
  'opening braces with names': fill('{"a":', MIB),
  commas: fill(',', MIB),
  'small lists': `[${fill('[],', MIB - 8)}[]]`,
  'small members': `{${Array.from({ length: 60_000 }, (_, i) => `"${i}":0`).join()}}`,
  'one long string': `"${fill('a', MIB - 8)}"`,
  'one long string of escapes': `"${fill('\\\\', MIB - 8)}"`,
  'quotes that are escaped': `"${fill('\\"', MIB - 8)}"`,
  quotes: fill('"', MIB),
  'white space': fill(' \n', MIB),
  'one long number': fill('9', MIB),
  'a long sequence': `{"keys":[],"spiffe_sequence":${fill('9', MIB - 64)}}`,
  'a name of one mebibyte, twice': `{"${fill('a', 400_000)}":1,"${fill('a', 400_000)}":1}`,
  'nothing but bytes that are no UTF-8': Buffer.alloc(MIB, 0xff).toString('latin1'),
  'zero bytes': fill('\0', MIB),
};

const key = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey.export({ format: 'jwk' });
const BUNDLES: Readonly<Record<string, string>> = {
  ...JSON_TEXTS,
  'PEM that never ends': fill('-----BEGIN CERTIFICATE-----\n', MIB),
  'PEM of nothing': fill('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', MIB),
  'one PEM of one mebibyte': `-----BEGIN CERTIFICATE-----\n${fill('A', MIB - 64)}\n-----END CERTIFICATE-----\n`,
  'many empty keys': `{"keys":[${fill('{},', MIB - 32)}{}]}`,
  '128 large keys': JSON.stringify({ keys: Array.from({ length: 128 }, (_, i) => ({ ...key, use: 'jwt-svid', kid: String(i) })) }),
  '128 large moduli': JSON.stringify({
    keys: Array.from({ length: 128 }, (_, i) => ({ kty: 'RSA', n: fill('_', 8000), e: 'AQAB', use: 'jwt-svid', kid: String(i) })),
  }),
  '128 certificates that are none': JSON.stringify({
    keys: Array.from({ length: 128 }, () => ({ kty: 'EC', use: 'x509-svid', x5c: [fill('MIIB', 8000)] })),
  }),
};

it.each(Object.entries(BUNDLES))('TB-31: a bundle of %s', (_, text) => {
  for (const parse of [parseBundle, parseBundleMap])
    for (const encoding of ['utf8', 'latin1'] as const) expectVerdict(() => parse(Buffer.from(text.slice(0, MIB), encoding)));
});

it.each(Object.entries(JSON_TEXTS))('JV-02: a token whose claims are %s', async (_, text) => {
  const bundle = parseBundle(Buffer.from('{"keys":[]}'), 'example.org');
  const part = (json: string): string => Buffer.from(json.slice(0, 48_000)).toString('base64url');
  const header = part('{"alg":"ES256"}');
  for (const token of [`${header}.${part(text)}.AA`, `${part(text)}.${header}.AA`, text, fill('.', MIB), `${header}.${text}.AA`])
    await expect(verifyJwtSvid(token, 'b', bundle, NOW_MS)).rejects.toMatchObject({ code: 'E_TOKEN' });
});

const nested = (depth: number): Buffer => {
  let der = tlv(0x30);
  for (let i = 0; i < depth; i++) der = tlv(0x30, der);
  return der;
};
const CHAINS: Readonly<Record<string, Buffer>> = {
  'zero bytes': Buffer.alloc(65536),
  'sequences of nothing': Buffer.from('3000'.repeat(32768), 'hex'),
  'a length without end': Buffer.from('3080' + '00'.repeat(100), 'hex'),
  'a length of four octets': Buffer.from('3084ffffffff' + '00'.repeat(100), 'hex'),
  'ten thousand levels': nested(10_000),
  'bytes that are all tags': Buffer.alloc(65536, 0x30),
  'a high tag number': Buffer.concat([Buffer.from([0x30, 0x82, 0xff, 0x00]), Buffer.alloc(0xff00, 0x1f)]),
  'PEM of zero bytes': Buffer.from(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(60_000)}\n-----END CERTIFICATE-----\n`),
  'PEM without an end': Buffer.from(fill('-----BEGIN CERTIFICATE-----\n', 65536)),
};

it.each(Object.entries(CHAINS))('XV-01: a chain of %s', (_, chain) => {
  const bundle = parseBundle(Buffer.from('{"keys":[]}'), 'example.org');
  expect(() => verifyX509Svid(chain, bundle, NOW_MS)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

function expectVerdict(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(MandateError);
    expect(error).toMatchObject({ code: 'E_NOT_VERIFIED' });
  }
}
