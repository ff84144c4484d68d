import { createPublicKey, sign, verify } from 'node:crypto';
import { compactVerify, SignJWT } from 'jose';
import { compactJws } from '../../src/authority/compact-jws';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { generateRsaKey } from '../../src/authority/rsa-key';
import { localKey } from '../../src/authority/signing-key';
import { tlv, TAG } from '../../src/domain/der';
import { p1363Signature } from '../../src/domain/ecdsa-signature';

const { key } = generateAuthorityKey();
const HEADER = { alg: 'ES256', kid: 'k', typ: 'JWT' } as const;
const CLAIMS = { sub: 'spiffe://example.org/ä"\\\u2028', aud: ['a', 'b'], exp: 1893456000, nested: { v: 1, none: null } };
const signedPart = (token: string): string => token.slice(0, token.lastIndexOf('.'));

test('header and claims are byte for byte what jose makes of them, and jose verifies the signature', async () => {
  const token = (await compactJws(HEADER, localKey(key))(CLAIMS)).toString('latin1');
  const expected = await new SignJWT(CLAIMS).setProtectedHeader(HEADER).sign(key);
  expect(signedPart(token)).toBe(signedPart(expected));
  const { payload } = await compactVerify(token, createPublicKey(key));
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual(CLAIMS);
});

test('a key that signs elsewhere gives the same form, when it has signed', async () => {
  let release: () => void = () => undefined;
  const waits = new Promise<void>((resolve) => (release = resolve));
  const elsewhere = { publicKey: createPublicKey(key), sign: async (data: Buffer) => (await waits, sign('sha256', data, key)) };
  const token = compactJws(HEADER, elsewhere)(CLAIMS);
  expect(token).toBeInstanceOf(Promise);
  release();
  await compactVerify((await token).toString('latin1'), createPublicKey(key));
});

test('RS256 the same', async () => {
  const rsa = await generateRsaKey();
  const header = { ...HEADER, alg: 'RS256' } as const;
  const token = (await compactJws(header, localKey(rsa))(CLAIMS)).toString('latin1');
  // PKCS #1 v1.5 draws nothing: the whole token is the same.
  expect(token).toBe(await new SignJWT(CLAIMS).setProtectedHeader(header).sign(rsa));
});

const integer = (hex: string): Buffer => tlv(TAG.integer, Buffer.from(hex, 'hex'));
const pair = (r: string, s: string, behind = ''): Buffer => tlv(TAG.sequence, integer(r), integer(s), Buffer.from(behind, 'hex'));

test.each([
  ['01', '02'],
  [`00${'ff'.repeat(32)}`, '7f'.repeat(32)],
  ['00', '80'.repeat(31)],
])('R and S of %s and %s side by side', (r, s) => {
  const number = (hex: string): string => BigInt(`0x${hex}`).toString(16).padStart(64, '0');
  expect(p1363Signature(pair(r, s)).toString('hex')).toBe(number(r) + number(s));
});

test.each<[string, Buffer]>([
  ['numbers that are too long', pair('01'.repeat(33), '01')],
  ['something behind them', pair('01', '02', '0500')],
  ['one number', tlv(TAG.sequence, integer('01'))],
  ['nothing', Buffer.alloc(0)],
  ['bytes behind the whole', Buffer.concat([pair('01', '02'), Buffer.alloc(1)])],
])('%s: no signature', (_, der) => {
  expect(() => p1363Signature(der)).toThrow();
});

test('a thousand signatures are those that node:crypto verifies side by side', () => {
  const publicKey = createPublicKey(key);
  for (let i = 0; i < 1000; i++) {
    const data = Buffer.from(`message ${i}`);
    const raw = p1363Signature(sign('sha256', data, key));
    if (!verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)) throw new Error(`message ${i}`);
  }
});
