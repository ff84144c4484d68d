import type { KeyObject } from 'node:crypto';
import { createPublicKey, verify } from 'node:crypto';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { openJwtAuthority } from '../../src/authority/jwt-authority';
import type { JwtAuthority } from '../../src/authority/jwt-authority';
import { localKey } from '../../src/authority/signing-key';
import type { JwtPlan } from '../../src/domain/issuance';
import { p256Spki, p256Thumbprint } from '../../src/domain/p256';
import { DAY_MS, jwtPlan, NOW_MS } from './fixture';

const fresh = (): { authority: JwtAuthority; key: KeyObject; row: Parameters<typeof openJwtAuthority>[0] } => {
  const { key, point } = generateAuthorityKey();
  const row = {
    kind: 'jwt' as const,
    keyId: p256Thumbprint(point),
    public: p256Spki(point),
    notBeforeMs: NOW_MS - DAY_MS,
    notAfterMs: NOW_MS + DAY_MS,
  };
  return { authority: openJwtAuthority(row, localKey(key)), key, row };
};
const { authority, key, row } = fresh();
const signed = async (plan: JwtPlan, by = authority): Promise<Buffer> => by.signer.sign(plan);
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/** A check whose one sampled verification is used up. */
async function walkOnly(): Promise<JwtAuthority['check']> {
  const { check } = openJwtAuthority(row, localKey(key));
  const plan = jwtPlan(authority.keyId);
  expect(check(plan, await signed(plan))).toBeUndefined();
  return check;
}

describe('the header of a token', () => {
  let header: Record<string, unknown>;
  beforeAll(async () => {
    header = decode((await signed(jwtPlan(authority.keyId))).toString('latin1').split('.')[0]!);
  });

  it('JS-03: has three members and no other', () => expect(Object.keys(header).sort()).toEqual(['alg', 'kid', 'typ']));
  it('JS-02, JS-15: says ES256', () => expect(header['alg']).toBe('ES256'));
  it('JS-04, CI-11: names its key as the bundle does', () => expect(header['kid']).toBe(authority.keyId));
  it('JS-05: says that it is a JWT', () => expect(header['typ']).toBe('JWT'));
});

it('JS-01: a token is in the compact form, three parts of unpadded base64url', async () => {
  expect((await signed(jwtPlan(authority.keyId))).toString('latin1')).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/);
});

describe('the claims of a token', () => {
  /** Issued within a second: what is not rounded, or rounded up, shows. */
  const plan = jwtPlan(authority.keyId, { issuedAtMs: NOW_MS + 999 });
  let text: string;
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    text = Buffer.from((await signed(plan)).toString('latin1').split('.')[1]!, 'base64url').toString();
    claims = JSON.parse(text) as Record<string, unknown>;
  });

  it('JS-06: sub is the SPIFFE ID', () => expect(claims['sub']).toBe(plan.spiffeId));
  it('JS-07, JS-08: aud is every audience, in their order', () => expect(claims['aud']).toEqual(['https://files.example.org', 'b']));
  it('JS-09: exp is there', () => expect(claims['exp']).toBe(plan.notAfterMs / 1000));
  it('JS-10: dates are whole numbers, written as such', () => {
    for (const name of ['iat', 'nbf', 'exp']) expect(text).toMatch(new RegExp(`"${name}":\\d{1,15}[,}]`));
  });
  it('JS-11: iat is not ahead of the issue', () => expect(claims['iat']).toBe(NOW_MS / 1000));
  it('JS-12: jti is there, and the one claim of ours is named by a URN', () => {
    expect(claims['jti']).toBe(plan.serial);
    const registered = ['sub', 'aud', 'iat', 'nbf', 'exp', 'jti', 'iss'];
    expect(Object.keys(claims).filter((name) => !registered.includes(name))).toEqual(['urn:mandate:lineage']);
  });
});

it('claims what was planned, in whole seconds, and one private claim', async () => {
  const plan = jwtPlan(authority.keyId);
  const payload = (await signed(plan)).toString('latin1').split('.')[1]!;
  expect(decode(payload)).toEqual({
    sub: plan.spiffeId,
    aud: ['https://files.example.org', 'b'],
    iat: NOW_MS / 1000,
    nbf: NOW_MS / 1000 - 10,
    exp: NOW_MS / 1000 + 300,
    jti: plan.serial,
    'urn:mandate:lineage': plan.lineage,
  });
  expect(Buffer.from(payload, 'base64url').toString()).toMatch(/"iat":\d+,"nbf":\d+,"exp":\d+[,}]/);
});

it('JS-12, OD-01: names the issuer byte for byte where JWT-SVIDs are ID tokens, and says nothing else more', async () => {
  const plan = jwtPlan(authority.keyId);
  const claimsOf = async (one: JwtPlan) => decode((await signed(one)).toString('latin1').split('.')[1]!);
  const iss = 'https://id.example.org/ana';
  expect(await claimsOf({ ...plan, issuer: iss })).toEqual({ ...(await claimsOf(plan)), iss });
});

it('passes the self-check with an issuer', async () => {
  const plan = jwtPlan(authority.keyId, { issuer: 'https://id.example.org/ana' });
  expect((await walkOnly())(plan, await signed(plan))).toBeUndefined();
});

it('JS-14: is verified by node:crypto, R and S side by side', async () => {
  const token = (await signed(jwtPlan(authority.keyId))).toString('latin1');
  const at = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(at + 1), 'base64url');
  expect(signature).toHaveLength(64);
  expect(verify('sha256', Buffer.from(token.slice(0, at)), { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
});

it.each([{ notAfterMs: NOW_MS + 300_001 }, { notBeforeMs: NOW_MS - 1 }])('refuses parts of a second: %j', async (changes) => {
  await expect(signed(jwtPlan(authority.keyId, changes))).rejects.toMatchObject({ code: 'E_INTERNAL' });
});

it.each<[string, string, Partial<JwtPlan>]>([
  ['subject', 'claims', { spiffeId: 'spiffe://example.org/agent/bob' }],
  ['audience', 'claims', { audience: ['b', 'https://files.example.org'] }],
  ['jti', 'claims', { serial: '4'.repeat(32) }],
  ['issue', 'claims', { issuedAtMs: NOW_MS + 1000 }],
  ['beginning', 'claims', { notBeforeMs: NOW_MS - 11_000 }],
  ['end', 'claims', { notAfterMs: NOW_MS + 301_000 }],
  ['issuer', 'claims', { issuer: 'https://id.example.org' }],
  ['lineage', 'claims', { lineage: { ...jwtPlan('').lineage, delegator: 'someone' } }],
  ['authority', 'authority', { authorityKeyId: 'x'.repeat(43) }],
])('the check finds a token of another %s', async (_, field, changes) => {
  const plan = jwtPlan(authority.keyId);
  expect((await walkOnly())({ ...plan, ...changes }, await signed(plan))).toBe(field);
});

it.each<[string, string, Partial<JwtPlan>]>([
  ['JS-13: a token that outlives its authority', 'exp beyond the authority', { notAfterMs: NOW_MS + 2 * DAY_MS }],
  ['JS-07: a token without an audience', 'audience', { audience: [] }],
])('%s does not pass the check, though it is as planned', async (_, field, changes) => {
  const plan = jwtPlan(authority.keyId, changes);
  expect(openJwtAuthority(row, localKey(key)).check(plan, await signed(plan))).toBe(field);
});

it('the check finds every other character in header and claims, and every truncation', async () => {
  const check = await walkOnly();
  const plan = jwtPlan(authority.keyId);
  const token = await signed(plan);
  const end = token.lastIndexOf('.');
  for (let at = 0; at <= end; at++) {
    const changed = Buffer.from(token);
    changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
    expect(check(plan, changed)).toBeDefined();
  }
  for (let length = 0; length < token.length; length++) expect(check(plan, token.subarray(0, length))).toBeDefined();
  expect(check(plan, token)).toBeUndefined();
});

it('the check finds members that were added, doubled or moved to the header', async () => {
  const check = await walkOnly();
  const plan = jwtPlan(authority.keyId);
  const [header, payload, signature] = (await signed(plan)).toString('latin1').split('.') as [string, string, string];
  const token = (h: string, p: string): Buffer => Buffer.from([h, p, signature].join('.'));
  const text = (part: string): string => Buffer.from(part, 'base64url').toString();
  const part = (json: string): string => Buffer.from(json).toString('base64url');
  expect(check(plan, token(header, part(text(payload).replace('{', '{"admin":true,'))))).toBe('claims');
  expect(check(plan, token(header, part(text(payload).replace('{', '{"sub":"spiffe://example.org/x",'))))).toBe('claims');
  expect(check(plan, token(part(text(header).replace('{', '{"jku":"x",')), payload))).toBe('header');
});

it('verifies a signature in the sample', async () => {
  const plan = jwtPlan(authority.keyId);
  const token = await signed(plan);
  token[token.length - 3] = token[token.length - 3] === 0x41 ? 0x42 : 0x41;
  expect(openJwtAuthority(row, localKey(key)).check(plan, token)).toBe('signature');
});

it.each<[string, string, () => unknown]>([
  ['the key of another authority', 'E_KEY_FILE', () => openJwtAuthority(row, localKey(fresh().key))],
  [
    'a public half that its name does not say',
    'E_INTEGRITY',
    () => openJwtAuthority({ ...row, public: fresh().row.public }, localKey(key)),
  ],
])('does not open with %s', (_, code, open) => {
  expect(open).toThrow(expect.objectContaining({ code }));
});
