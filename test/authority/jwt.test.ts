import type { KeyObject } from 'node:crypto';
import { createPublicKey, verify } from 'node:crypto';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { openJwtAuthority } from '../../src/authority/jwt-authority';
import type { JwtAuthority } from '../../src/authority/jwt-authority';
import type { JwtPlan } from '../../src/domain/issuance';
import { p256Spki, p256Thumbprint } from '../../src/domain/p256';
import { DAY_MS, jwtPlan, NOW_MS } from './fixture';

const fresh = (): { authority: JwtAuthority; key: KeyObject; row: Parameters<typeof openJwtAuthority>[0] } => {
  const { key, point } = generateAuthorityKey();
  const row = { keyId: p256Thumbprint(point), public: p256Spki(point), notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
  return { authority: openJwtAuthority(row, key), key, row };
};
const { authority, key, row } = fresh();
const signed = async (plan: JwtPlan, by = authority): Promise<Buffer> => by.signer.sign(plan);
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/** A check whose one sampled verification is used up. */
async function walkOnly(): Promise<JwtAuthority['check']> {
  const { check } = openJwtAuthority(row, key);
  const plan = jwtPlan(authority.keyId);
  expect(check(plan, await signed(plan))).toBeUndefined();
  return check;
}

it('signs the compact serialisation with exactly three header members', async () => {
  const token = (await signed(jwtPlan(authority.keyId))).toString('latin1');
  expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/);
  expect(decode(token.split('.')[0]!)).toEqual({ alg: 'ES256', kid: authority.keyId, typ: 'JWT' });
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

it('JS-12, OD-01: names the issuer byte for byte where JWT-SVIDs are ID tokens', async () => {
  const plan = jwtPlan(authority.keyId, { issuer: 'https://id.example.org/ana' });
  const token = (await signed(plan)).toString('latin1');
  const claims = decode(token.split('.')[1]!);
  expect(claims['iss']).toBe('https://id.example.org/ana');
  expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub', 'urn:mandate:lineage']);
  expect((await walkOnly())(plan, Buffer.from(token, 'latin1'))).toBeUndefined();
});

it('is verified by node:crypto', async () => {
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
  ['end beyond its authority', 'exp beyond the authority', { notAfterMs: NOW_MS + 2 * DAY_MS }],
  ['empty audience', 'audience', { audience: [] }],
])('the check finds a token of another %s', async (_, field, changes) => {
  const plan = jwtPlan(authority.keyId);
  expect((await walkOnly())({ ...plan, ...changes }, await signed(plan))).toBe(field);
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
  expect(openJwtAuthority(row, key).check(plan, token)).toBe('signature');
});

it.each<[string, string, () => unknown]>([
  ['the key of another authority', 'E_KEY_FILE', () => openJwtAuthority(row, fresh().key)],
  ['a public half that its name does not say', 'E_INTEGRITY', () => openJwtAuthority({ ...row, public: fresh().row.public }, key)],
])('does not open with %s', (_, code, open) => {
  expect(open).toThrow(expect.objectContaining({ code }));
});
