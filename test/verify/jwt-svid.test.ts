import type { KeyObject } from 'node:crypto';
import { constants, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { Bundle } from '../../src/domain/bundle';
import { jwkSetJson } from '../../src/domain/bundle';
import { openJwtAuthority } from '../../src/authority/jwt-authority';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { localKey } from '../../src/authority/signing-key';
import { p256Spki, p256Thumbprint } from '../../src/domain/p256';
import { verifyJwtSvid } from '../../src/verify/jwt-svid';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { parseBundle } from '../../src/verify/trust-bundle';
import { DAY_MS, jwtPlan, NOW_MS } from '../authority/fixture';
import { INVALID } from '../domain/spiffe-id-vectors';
import { forge } from './forge';

const SECONDS = NOW_MS / 1000;
const AUDIENCE = 'b';
const pair = generateAuthorityKey();
const kid = p256Thumbprint(pair.point);
const bundleOf = (jwt: Bundle['jwt'], trustDomain = 'example.org'): TrustBundle =>
  parseBundle(Buffer.from(jwkSetJson({ trustDomain, sequence: 1, refreshHintSeconds: 60, x509: [], jwt })), trustDomain);
const bundle = bundleOf([{ kid, point: pair.point }]);

const HEADER = { alg: 'ES256', kid, typ: 'JWT' };
const CLAIMS = { sub: 'spiffe://example.org/agent/ana', aud: [AUDIENCE], iat: SECONDS, exp: SECONDS + 300, jti: 'x' };
const part = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const without = (name: string): object => Object.fromEntries(Object.entries(CLAIMS).filter(([member]) => member !== name));

function token(claims: unknown = CLAIMS, header: unknown = HEADER, key: KeyObject = pair.key): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const verdict = (text: string, against = bundle, audience = AUDIENCE): Promise<unknown> => verifyJwtSvid(text, audience, against, NOW_MS);

it('JV-18: verifies what our own authority signs', async () => {
  const row = { kind: 'jwt' as const, keyId: kid, public: p256Spki(pair.point), notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
  const plan = jwtPlan(kid);
  const svid = (await openJwtAuthority(row, localKey(pair.key)).signer.sign(plan)).toString('latin1');
  expect(await verdict(svid)).toEqual({
    spiffeId: plan.spiffeId,
    expMs: plan.notAfterMs,
    claims: expect.objectContaining({ sub: plan.spiffeId, jti: plan.serial, 'urn:mandate:lineage': plan.lineage }),
  });
});

it.each<[string, string, string]>([
  ['JV-03, JV-18', 'no typ', token(CLAIMS, { alg: 'ES256', kid })],
  ['JV-03, JV-18', 'typ JOSE', token(CLAIMS, { ...HEADER, typ: 'JOSE' })],
  ['JV-08', 'no kid', token(CLAIMS, { alg: 'ES256' })],
  ['JV-10, JV-18', 'one audience as text', token({ ...CLAIMS, aud: AUDIENCE })],
  ['JV-10, JV-18', 'the audience among others', token({ ...CLAIMS, aud: ['a', AUDIENCE] })],
  ['JV-13', 'an issue in the future', token({ ...CLAIMS, iat: SECONDS + 300 })],
  ['JV-13', 'no issue', token(without('iat'))],
  ['JV-07, OD-08', 'a foreign iss', token({ ...CLAIMS, iss: 'https://elsewhere.example' })],
  ['JV-11', 'its last second', token({ ...CLAIMS, exp: SECONDS + 1 })],
  ['JV-12', 'nbf now', token({ ...CLAIMS, nbf: SECONDS })],
])('%s: accepts %s', async (_rule, _, text) => {
  expect(await verdict(text)).toMatchObject({ spiffeId: CLAIMS.sub });
});

const publicPem = createPublicKey(pair.key).export({ format: 'pem', type: 'spki' });
const hmac = (): string => {
  const signed = `${part({ ...HEADER, alg: 'HS256' })}.${part(CLAIMS)}`;
  return `${signed}.${createHmac('sha256', publicPem).update(signed).digest('base64url')}`;
};
const good = token();
const [h, p, s] = good.split('.') as [string, string, string];
const stranger = generateAuthorityKey();

it.each<[string, string, string, string]>([
  ['JV-02', 'nothing', '', 'not three parts'],
  ['JV-02', 'plus for minus', `${h}.${p}.${s.slice(0, -2)}+A`, 'a signature that is not base64url'],
  ['JV-02', 'stray bits in the last character', `${h}.${p}.${s.slice(0, -1)}h`, 'a signature that is not base64url'],
  ['JV-02', 'two parts', `${h}.${p}`, 'not three parts'],
  ['JV-02', 'four parts', `${good}.`, 'not three parts'],
  ['JV-02', 'five parts', `${good}..`, 'not three parts'],
  ['JV-02', 'JSON serialisation', JSON.stringify({ payload: p, protected: h, signature: s }), 'not three parts'],
  ['JV-02', 'padding', `${h}.${p}.${s}==`, 'a signature that is not base64url'],
  ['JV-02', 'a blank', `${h} .${p}.${s}`, 'a header that is not base64url'],
  ['JV-02', 'a trailing newline', `${good}\n`, 'a signature that is not base64url'],
  ['JV-02', '64 KiB and more', `${h}.${'A'.repeat(65536)}.${s}`, 'larger than 64 KiB'],
  ['JV-01', 'alg none', `${part({ alg: 'none' })}.${p}.`, 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'HS256 keyed with a published key', hmac(), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'alg in lower case', token(CLAIMS, { ...HEADER, alg: 'es256' }), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'EdDSA', token(CLAIMS, { ...HEADER, alg: 'EdDSA' }), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'ES256K', token(CLAIMS, { ...HEADER, alg: 'ES256K' }), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'no alg', token(CLAIMS, { kid }), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-01', 'alg from the prototype', token(CLAIMS, { ...HEADER, alg: 'constructor' }), 'an algorithm that JWT-SVIDs do not have'],
  ['JV-09', 'ES384 with a P-256 key', token(CLAIMS, { ...HEADER, alg: 'ES384' }), 'no key of its trust domain fits it'],
  ['JV-09', 'RS256 with an EC key', token(CLAIMS, { ...HEADER, alg: 'RS256' }), 'no key of its trust domain fits it'],
  ['JV-09', 'ES512 with a P-256 key', token(CLAIMS, { ...HEADER, alg: 'ES512' }), 'no key of its trust domain fits it'],
  ['JV-09', 'PS256 with an EC key', token(CLAIMS, { ...HEADER, alg: 'PS256' }), 'no key of its trust domain fits it'],
  ...['jku', 'x5c', 'x5u', 'x5t', 'cty', 'zip', 'JWK'].map((name): [string, string, string, string] => [
    'JV-05',
    name,
    token(CLAIMS, { ...HEADER, [name]: 'https://elsewhere.example' }),
    'a header member that JWT-SVIDs do not have',
  ]),
  ['JV-03', 'at+jwt', token(CLAIMS, { ...HEADER, typ: 'at+jwt' }), 'a typ that is neither JWT nor JOSE'],
  ['JV-03', 'a numeric typ', token(CLAIMS, { ...HEADER, typ: 1 }), 'a typ that is neither JWT nor JOSE'],
  ['JV-04', 'crit', token(CLAIMS, { ...HEADER, crit: ['exp'] }), 'a header member that JWT-SVIDs do not have'],
  ['JV-05', 'jwk', token(CLAIMS, { ...HEADER, jwk: pair.key.export({ format: 'jwk' }) }), 'a header member that JWT-SVIDs do not have'],
  ['JV-05', 'b64', token(CLAIMS, { ...HEADER, b64: false }), 'a header member that JWT-SVIDs do not have'],
  ['JV-03', 'typ in lower case', token(CLAIMS, { ...HEADER, typ: 'jwt' }), 'a typ that is neither JWT nor JOSE'],
  ['JV-03, WS-11', 'a token bound to a key', token(CLAIMS, { ...HEADER, typ: 'wit+jwt' }), 'a typ that is neither JWT nor JOSE'],
  ['JV-03', 'typ null', token(CLAIMS, { ...HEADER, typ: null }), 'a typ that is neither JWT nor JOSE'],
  ['JV-08', 'a numeric kid', token(CLAIMS, { ...HEADER, kid: 1 }), 'a kid that is not text'],
  ['JV-08', 'an unknown kid', token(CLAIMS, { ...HEADER, kid: 'x' }), 'no key of its trust domain fits it'],
  ['JV-15', 'a header twice', token(CLAIMS, `{"alg":"ES256","alg":"ES256","kid":"${kid}"}`), 'a header that is no strict JSON object'],
  ['JV-02', 'a header that is a list', token(CLAIMS, []), 'a header that is no strict JSON object'],
  ['JV-02', 'claims that are a list', token([]), 'claims that are no strict JSON object'],
  ['JV-02', 'claims that are null', token('null'), 'claims that are no strict JSON object'],
  [
    'JV-15',
    'a claim twice',
    token('{"aud":"a","aud":"b","sub":"spiffe://example.org/a","exp":99999999999}'),
    'claims that are no strict JSON object',
  ],
  ['JV-02', 'claims after a byte order mark', token(`\ufeff${JSON.stringify(CLAIMS)}`), 'claims that are no strict JSON object'],
  ['JV-06', 'no sub', token(without('sub')), 'a sub that is not a SPIFFE ID'],
  ['JV-06', 'a numeric sub', token({ ...CLAIMS, sub: 1 }), 'a sub that is not a SPIFFE ID'],
  ['JV-06', 'a sub in capitals', token({ ...CLAIMS, sub: 'SPIFFE://example.org/a' }), 'a sub that is not a SPIFFE ID'],
  ['JV-06', 'a sub with a dot segment', token({ ...CLAIMS, sub: 'spiffe://example.org/a/../b' }), 'a sub that is not a SPIFFE ID'],
  ['JV-07', 'another trust domain', token({ ...CLAIMS, sub: 'spiffe://example.com/a' }), 'no bundle of its trust domain'],
  ['JV-07', 'a subdomain', token({ ...CLAIMS, sub: 'spiffe://a.example.org/a' }), 'no bundle of its trust domain'],
  ['JV-10', 'no aud', token(without('aud')), 'no audience'],
  ['JV-10', 'an empty aud', token({ ...CLAIMS, aud: [] }), 'no audience'],
  ['JV-10', 'a numeric aud', token({ ...CLAIMS, aud: 1 }), 'no audience'],
  ['JV-10', 'a number among audiences', token({ ...CLAIMS, aud: [AUDIENCE, 1] }), 'no audience'],
  ['JV-10', 'another aud', token({ ...CLAIMS, aud: ['B'] }), 'meant for another audience'],
  ['JV-10', 'part of the aud', token({ ...CLAIMS, aud: ['bb'] }), 'meant for another audience'],
  ['JV-11', 'no exp', token(without('exp')), 'no usable exp'],
  ['JV-11', 'exp as text', token({ ...CLAIMS, exp: String(SECONDS + 300) }), 'no usable exp'],
  ['JV-11', 'exp now', token({ ...CLAIMS, exp: SECONDS }), 'expired'],
  ['JV-11', 'exp past', token({ ...CLAIMS, exp: SECONDS - 300 }), 'expired'],
  ['JV-11', 'exp without end', token(`{"sub":"${CLAIMS.sub}","aud":"b","exp":1e999}`), 'no usable exp'],
  ['JV-11', 'exp null', token({ ...CLAIMS, exp: null }), 'no usable exp'],
  ['JV-11', 'exp five minutes ago', token({ ...CLAIMS, exp: SECONDS - 300 }), 'expired'],
  ['JV-12', 'nbf in five minutes', token({ ...CLAIMS, nbf: SECONDS + 300 }), 'not valid yet'],
  ['JV-13', 'iat as text, which is no date', token({ ...CLAIMS, iat: 'now' }), 'no usable iat'],
  [
    'JV-15',
    'a claim twice, once escaped',
    token(`{"aud":"b","\\u0061ud":"b","sub":"${CLAIMS.sub}","exp":99999999999}`),
    'claims that are no strict JSON object',
  ],
  [
    'JV-15',
    'a member twice within a claim',
    token(`{"x":{"y":1,"y":1},"aud":"b","sub":"${CLAIMS.sub}","exp":99999999999}`),
    'claims that are no strict JSON object',
  ],
  ['JV-12', 'nbf ahead', token({ ...CLAIMS, nbf: SECONDS + 1 }), 'not valid yet'],
  ['JV-12', 'nbf as text', token({ ...CLAIMS, nbf: '0' }), 'no usable nbf'],
  ['JV-14', 'another signer', token(CLAIMS, HEADER, stranger.key), 'signature does not verify'],
  ['JV-08, JV-14', 'another signer without kid', token(CLAIMS, { alg: 'ES256' }, stranger.key), 'signature does not verify'],
  [
    'JV-14, JS-14',
    'a signature in DER',
    `${h}.${p}.${sign('sha256', Buffer.from(`${h}.${p}`), pair.key).toString('base64url')}`,
    'signature does not verify',
  ],
  ['JV-14', 'an empty signature', `${h}.${p}.`, 'signature does not verify'],
])('%s: refuses %s', async (_rule, _, text, why) => {
  await expect(verdict(text)).rejects.toMatchObject({ code: 'E_TOKEN', explanation: { why } });
});

it('JV-14: refuses every change of one character, whichever part it is in', async () => {
  for (let at = 0; at < good.length; at += 3) {
    const changed = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    await expect(verdict(changed)).rejects.toMatchObject({ code: 'E_TOKEN' });
  }
});

it('JV-07, JV-16, JV-17, TB-25: refuses every token where the trust domain has no keys, is unknown, or the key is another', async () => {
  await expect(verdict(good, bundleOf([]))).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, { ...bundle, trustDomain: undefined })).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, bundleOf([{ kid, point: stranger.point }]))).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, bundle, '')).rejects.toMatchObject({ code: 'E_TOKEN' });
});

it('JV-07: asks the bundle of the trust domain in sub and no other, whatever iss says', async () => {
  const bundles = new Map([
    ['example.org', bundle],
    ['example.com', bundleOf([{ kid, point: stranger.point }], 'example.com')],
  ]);
  const told = (text: string) => verifyJwtSvid(text, AUDIENCE, bundles, NOW_MS);
  const foreign = { ...CLAIMS, sub: 'spiffe://example.com/a' };
  expect(await told(good)).toMatchObject({ spiffeId: CLAIMS.sub });
  expect(await told(token(foreign, HEADER, stranger.key))).toMatchObject({ spiffeId: foreign.sub });
  for (const crossed of [
    token({ ...foreign, iss: 'spiffe://example.org' }),
    token({ ...CLAIMS, iss: 'spiffe://example.com' }, HEADER, stranger.key),
  ])
    await expect(told(crossed)).rejects.toMatchObject({ explanation: { why: 'signature does not verify' } });
  await expect(told(token({ ...CLAIMS, sub: 'spiffe://example.net/a' }))).rejects.toMatchObject({
    explanation: { why: 'no bundle of its trust domain' },
  });
});

it.each(['x509-svid', 'wit-svid', 'sig', undefined])('JV-16, XV-07, WL-33: takes no key of use %s', async (use) => {
  const [entry] = (
    JSON.parse(
      jwkSetJson({ trustDomain: 'example.org', sequence: 1, refreshHintSeconds: 60, x509: [], jwt: [{ kid, point: pair.point }] }),
    ) as { keys: object[] }
  ).keys;
  const root = await forge({ ca: true, key: pair.key });
  const document = { keys: [{ ...entry, use, x5c: [root.der.toString('base64')] }] };
  const only = parseBundle(Buffer.from(JSON.stringify(document)), 'example.org');
  expect(only.roots).toHaveLength(use === 'x509-svid' ? 1 : 0);
  await expect(verdict(good, only)).rejects.toMatchObject({
    explanation: { why: expect.stringContaining('no key of its trust domain fits it') },
  });
});

it.each(Object.entries(INVALID))('JV-06: refuses the sub %s', async (_, sub) => {
  await expect(verdict(token({ ...CLAIMS, sub }))).rejects.toMatchObject({ explanation: { why: 'a sub that is not a SPIFFE ID' } });
});

it('JV-08: tries every key that fits where there is no kid', async () => {
  const both = bundleOf([
    { kid: 'first', point: stranger.point },
    { kid, point: pair.point },
  ]);
  expect(await verdict(token(CLAIMS, { alg: 'ES256' }), both)).toMatchObject({ spiffeId: CLAIMS.sub });
  await expect(verdict(token({ ...CLAIMS, exp: SECONDS - 1 }, { alg: 'ES256' }), both)).rejects.toMatchObject({
    explanation: { why: 'expired' },
  });
});

it('puts nothing of the token into the error', async () => {
  const error: unknown = await verdict(token({ ...CLAIMS, exp: 1, secret: 'hunter2' })).catch((e: unknown) => e);
  const told = JSON.stringify(error) + String((error as Error).stack) + String((error as Error).cause);
  for (const text of ['hunter2', p, s, CLAIMS.sub]) expect(told).not.toContain(text);
});

it('JV-08: tries at most 8 keys for a token without kid, and any number with one', async () => {
  const crowd = Array.from({ length: 8 }, (_, i) => ({ kid: `k${i}`, point: generateAuthorityKey().point }));
  const many = bundleOf([...crowd, { kid, point: pair.point }]);
  await expect(verdict(token(CLAIMS, { alg: 'ES256' }), many)).rejects.toMatchObject({
    explanation: { why: 'no kid, and more keys that fit than are tried' },
  });
  expect(await verdict(good, many)).toMatchObject({ spiffeId: CLAIMS.sub });
  expect(await verdict(token(CLAIMS, { alg: 'ES256' }), bundleOf([...crowd.slice(1), { kid, point: pair.point }]))).toMatchObject({
    spiffeId: CLAIMS.sub,
  });
});

describe('accepts all nine algorithms', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const curves = { 256: 'prime256v1', 384: 'secp384r1', 512: 'secp521r1' } as const;
  it.each(['RS', 'PS', 'ES'].flatMap((family) => ([256, 384, 512] as const).map((bits) => ({ family, bits }))))(
    'JV-18: $family$bits',
    async ({ family, bits }) => {
      const keys = family === 'ES' ? generateKeyPairSync('ec', { namedCurve: curves[bits] }) : rsa;
      const document = { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'k' }] };
      const signed = `${part({ alg: `${family}${bits}`, kid: 'k' })}.${part(CLAIMS)}`;
      const padding = family === 'PS' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 } : {};
      const signature = sign(`sha${bits}`, Buffer.from(signed), { key: keys.privateKey, dsaEncoding: 'ieee-p1363', ...padding });
      const against = parseBundle(Buffer.from(JSON.stringify(document)), 'example.org');
      expect(await verdict(`${signed}.${signature.toString('base64url')}`, against)).toMatchObject({ spiffeId: CLAIMS.sub });
    },
  );
});
