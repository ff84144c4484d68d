import type { KeyObject } from 'node:crypto';
import { constants, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { Bundle } from '../../src/domain/bundle';
import { jwkSetJson } from '../../src/domain/bundle';
import { openJwtAuthority } from '../../src/authority/jwt-authority';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { p256Spki, p256Thumbprint } from '../../src/domain/p256';
import { verifyJwtSvid } from '../../src/verify/jwt-svid';
import type { TrustBundle } from '../../src/verify/trust-bundle';
import { parseBundle } from '../../src/verify/trust-bundle';
import { DAY_MS, jwtPlan, NOW_MS } from '../authority/fixture';

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

it('verifies what our own authority signs', async () => {
  const row = { keyId: kid, public: p256Spki(pair.point), notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
  const plan = jwtPlan(kid);
  const svid = (await openJwtAuthority(row, pair.key).signer.sign(plan)).toString('latin1');
  expect(await verdict(svid)).toEqual({
    spiffeId: plan.spiffeId,
    expMs: plan.notAfterMs,
    claims: expect.objectContaining({ sub: plan.spiffeId, jti: plan.serial, 'urn:mandate:lineage': plan.lineage }),
  });
});

it.each<[string, string]>([
  ['no typ', token(CLAIMS, { alg: 'ES256', kid })],
  ['typ JOSE', token(CLAIMS, { ...HEADER, typ: 'JOSE' })],
  ['no kid', token(CLAIMS, { alg: 'ES256' })],
  ['one audience as text', token({ ...CLAIMS, aud: AUDIENCE })],
  ['the audience among others', token({ ...CLAIMS, aud: ['a', AUDIENCE] })],
  ['an issue in the future', token({ ...CLAIMS, iat: SECONDS + 300 })],
  ['no issue', token(without('iat'))],
  ['a foreign iss', token({ ...CLAIMS, iss: 'https://elsewhere.example' })],
  ['its last second', token({ ...CLAIMS, exp: SECONDS + 1 })],
  ['nbf now', token({ ...CLAIMS, nbf: SECONDS })],
])('accepts %s', async (_, text) => {
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

it.each<[string, string, string]>([
  ['nothing', '', 'not three parts'],
  ['two parts', `${h}.${p}`, 'not three parts'],
  ['four parts', `${good}.`, 'not three parts'],
  ['five parts', `${good}..`, 'not three parts'],
  ['JSON serialisation', JSON.stringify({ payload: p, protected: h, signature: s }), 'not three parts'],
  ['padding', `${h}.${p}.${s}==`, 'a signature that is not base64url'],
  ['a blank', `${h} .${p}.${s}`, 'a header that is not base64url'],
  ['a trailing newline', `${good}\n`, 'a signature that is not base64url'],
  ['64 KiB and more', `${h}.${'A'.repeat(65536)}.${s}`, 'larger than 64 KiB'],
  ['alg none', `${part({ alg: 'none' })}.${p}.`, 'an algorithm that JWT-SVIDs do not have'],
  ['HS256 keyed with a published key', hmac(), 'an algorithm that JWT-SVIDs do not have'],
  ['alg in lower case', token(CLAIMS, { ...HEADER, alg: 'es256' }), 'an algorithm that JWT-SVIDs do not have'],
  ['EdDSA', token(CLAIMS, { ...HEADER, alg: 'EdDSA' }), 'an algorithm that JWT-SVIDs do not have'],
  ['ES256K', token(CLAIMS, { ...HEADER, alg: 'ES256K' }), 'an algorithm that JWT-SVIDs do not have'],
  ['no alg', token(CLAIMS, { kid }), 'an algorithm that JWT-SVIDs do not have'],
  ['alg from the prototype', token(CLAIMS, { ...HEADER, alg: 'constructor' }), 'an algorithm that JWT-SVIDs do not have'],
  ['ES384 with a P-256 key', token(CLAIMS, { ...HEADER, alg: 'ES384' }), 'no key of its trust domain fits it'],
  ['RS256 with an EC key', token(CLAIMS, { ...HEADER, alg: 'RS256' }), 'no key of its trust domain fits it'],
  ['crit', token(CLAIMS, { ...HEADER, crit: ['exp'] }), 'a header member that JWT-SVIDs do not have'],
  ['jwk', token(CLAIMS, { ...HEADER, jwk: pair.key.export({ format: 'jwk' }) }), 'a header member that JWT-SVIDs do not have'],
  ['b64', token(CLAIMS, { ...HEADER, b64: false }), 'a header member that JWT-SVIDs do not have'],
  ['typ in lower case', token(CLAIMS, { ...HEADER, typ: 'jwt' }), 'a typ that is neither JWT nor JOSE'],
  ['a token bound to a key', token(CLAIMS, { ...HEADER, typ: 'wit+jwt' }), 'a typ that is neither JWT nor JOSE'],
  ['typ null', token(CLAIMS, { ...HEADER, typ: null }), 'a typ that is neither JWT nor JOSE'],
  ['a numeric kid', token(CLAIMS, { ...HEADER, kid: 1 }), 'a kid that is not text'],
  ['an unknown kid', token(CLAIMS, { ...HEADER, kid: 'x' }), 'no key of its trust domain fits it'],
  ['a header twice', token(CLAIMS, `{"alg":"ES256","alg":"ES256","kid":"${kid}"}`), 'a header that is no strict JSON object'],
  ['a header that is a list', token(CLAIMS, []), 'a header that is no strict JSON object'],
  ['claims that are a list', token([]), 'claims that are no strict JSON object'],
  ['claims that are null', token('null'), 'claims that are no strict JSON object'],
  [
    'a claim twice',
    token('{"aud":"a","aud":"b","sub":"spiffe://example.org/a","exp":99999999999}'),
    'claims that are no strict JSON object',
  ],
  ['claims after a byte order mark', token(`\ufeff${JSON.stringify(CLAIMS)}`), 'claims that are no strict JSON object'],
  ['no sub', token(without('sub')), 'a sub that is not a SPIFFE ID'],
  ['a numeric sub', token({ ...CLAIMS, sub: 1 }), 'a sub that is not a SPIFFE ID'],
  ['a sub in capitals', token({ ...CLAIMS, sub: 'SPIFFE://example.org/a' }), 'a sub that is not a SPIFFE ID'],
  ['a sub with a dot segment', token({ ...CLAIMS, sub: 'spiffe://example.org/a/../b' }), 'a sub that is not a SPIFFE ID'],
  ['another trust domain', token({ ...CLAIMS, sub: 'spiffe://example.com/a' }), 'no bundle of its trust domain'],
  ['a subdomain', token({ ...CLAIMS, sub: 'spiffe://a.example.org/a' }), 'no bundle of its trust domain'],
  ['no aud', token(without('aud')), 'no audience'],
  ['an empty aud', token({ ...CLAIMS, aud: [] }), 'no audience'],
  ['a numeric aud', token({ ...CLAIMS, aud: 1 }), 'no audience'],
  ['a number among audiences', token({ ...CLAIMS, aud: [AUDIENCE, 1] }), 'no audience'],
  ['another aud', token({ ...CLAIMS, aud: ['B'] }), 'meant for another audience'],
  ['part of the aud', token({ ...CLAIMS, aud: ['bb'] }), 'meant for another audience'],
  ['no exp', token(without('exp')), 'no usable exp'],
  ['exp as text', token({ ...CLAIMS, exp: String(SECONDS + 300) }), 'no usable exp'],
  ['exp now', token({ ...CLAIMS, exp: SECONDS }), 'expired'],
  ['exp past', token({ ...CLAIMS, exp: SECONDS - 300 }), 'expired'],
  ['nbf ahead', token({ ...CLAIMS, nbf: SECONDS + 1 }), 'not valid yet'],
  ['nbf as text', token({ ...CLAIMS, nbf: '0' }), 'no usable nbf'],
  ['another signer', token(CLAIMS, HEADER, stranger.key), 'signature does not verify'],
  ['another signer without kid', token(CLAIMS, { alg: 'ES256' }, stranger.key), 'signature does not verify'],
  [
    'a signature in DER',
    `${h}.${p}.${sign('sha256', Buffer.from(`${h}.${p}`), pair.key).toString('base64url')}`,
    'signature does not verify',
  ],
  ['an empty signature', `${h}.${p}.`, 'signature does not verify'],
])('refuses %s', async (_, text, why) => {
  await expect(verdict(text)).rejects.toMatchObject({ code: 'E_TOKEN', explanation: { why } });
});

it('refuses every change of one character, whichever part it is in', async () => {
  for (let at = 0; at < good.length; at += 3) {
    const changed = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    await expect(verdict(changed)).rejects.toMatchObject({ code: 'E_TOKEN' });
  }
});

it('refuses every token where the trust domain has no keys, is unknown, or the key is another', async () => {
  await expect(verdict(good, bundleOf([]))).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, { ...bundle, trustDomain: undefined })).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, bundleOf([{ kid, point: stranger.point }]))).rejects.toMatchObject({ code: 'E_TOKEN' });
  await expect(verdict(good, bundle, '')).rejects.toMatchObject({ code: 'E_TOKEN' });
});

it('tries every key that fits where there is no kid', async () => {
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

describe('accepts all nine algorithms', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const curves = { 256: 'prime256v1', 384: 'secp384r1', 512: 'secp521r1' } as const;
  it.each(['RS', 'PS', 'ES'].flatMap((family) => ([256, 384, 512] as const).map((bits) => ({ family, bits }))))(
    '$family$bits',
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
