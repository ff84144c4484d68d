import { spawnSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { constants, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { openJwtAuthority, type JwtAuthorityRow } from '../../src/authority/jwt-authority';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { generateRsaKey } from '../../src/authority/rsa-key';
import { localKey } from '../../src/authority/signing-key';
import { jwkSetJson } from '../../src/domain/bundle';
import { jwtKeyOf, jwtThumbprint } from '../../src/domain/jwt-key';
import { oidcKeysJson } from '../../src/domain/oidc';
import { verifyJwtSvid } from '../../src/verify/jwt-svid';
import { parseBundle } from '../../src/verify/trust-bundle';
import { DAY_MS, jwtPlan, NOW_MS, TRUST_DOMAIN } from './fixture';

jest.setTimeout(60_000);

const ends = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS };
const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' });
const rowOf = (key: KeyObject): JwtAuthorityRow => {
  const spki = spkiOf(key);
  return { kind: 'jwt-rs256', keyId: jwtThumbprint(jwtKeyOf('RS256', spki)!), public: spki, ...ends };
};

let key: KeyObject;
let other: KeyObject;
let row: JwtAuthorityRow;
beforeAll(async () => {
  [key, other] = await Promise.all([generateRsaKey(), generateRsaKey()]);
  row = rowOf(key);
});

const open = () => openJwtAuthority(row, localKey(key));
const signed = async (changes = {}) => {
  const plan = jwtPlan(row.keyId, changes);
  return { plan, token: await open().signer.sign(plan) };
};
const published = () => [{ kid: row.keyId, ...open().publicKey }];
const bundle = (text = jwkSetJson({ trustDomain: TRUST_DOMAIN, sequence: 1, refreshHintSeconds: 60, x509: [], jwt: published() })) =>
  parseBundle(Buffer.from(text), TRUST_DOMAIN);

test('the header says RS256, its key and its type', async () => {
  const [header] = (await signed()).token.toString('latin1').split('.');
  expect(JSON.parse(Buffer.from(header!, 'base64url').toString())).toEqual({ alg: 'RS256', kid: row.keyId, typ: 'JWT' });
});

test('the signature is RSASSA-PKCS1-v1_5 with SHA-256 over the text before it, as node:crypto and openssl verify it', async () => {
  const token = (await signed()).token.toString('latin1');
  expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{342}$/);
  const at = token.lastIndexOf('.');
  const [input, signature] = [Buffer.from(token.slice(0, at)), Buffer.from(token.slice(at + 1), 'base64url')];
  const publicKey = createPublicKey(key);
  expect(verify('sha256', input, { key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature)).toBe(true);
  expect(verify('sha256', input, { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING }, signature)).toBe(false);
  const folder = mkdtempSync(join(tmpdir(), 'mandate-rs256-'));
  try {
    writeFileSync(join(folder, 'key'), publicKey.export({ format: 'pem', type: 'spki' }));
    writeFileSync(join(folder, 'signature'), signature);
    const args = ['dgst', '-sha256', '-verify', join(folder, 'key'), '-signature', join(folder, 'signature')];
    expect(spawnSync('openssl', args, { input, encoding: 'utf8' }).stdout).toBe('Verified OK\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a relying party that takes RS256 alone verifies it by the key set', async () => {
  const { plan, token } = await signed({ issuer: 'https://id.example.org' });
  const keys = createLocalJWKSet(JSON.parse(oidcKeysJson({ jwt: published() })));
  const wanted = { algorithms: ['RS256'], issuer: 'https://id.example.org', audience: 'b', currentDate: new Date(NOW_MS) };
  const { payload } = await jwtVerify(token.toString('latin1'), keys, wanted);
  expect(payload.sub).toBe(plan.spiffeId);
});

test('our own verification takes it by the bundle, under its own algorithm alone', async () => {
  const { plan, token } = await signed();
  const text = token.toString('latin1');
  expect(await verifyJwtSvid(text, 'b', bundle(), NOW_MS)).toMatchObject({ spiffeId: plan.spiffeId, expMs: plan.notAfterMs });
  await expect(verifyJwtSvid(text, 'other', bundle(), NOW_MS)).rejects.toMatchObject({ code: 'E_TOKEN' });
  const [, claims, signature] = text.split('.') as [string, string, string];
  for (const alg of ['PS256', 'RS384', 'HS256', 'ES256', 'none']) {
    const header = Buffer.from(JSON.stringify({ alg, kid: row.keyId, typ: 'JWT' })).toString('base64url');
    await expect(verifyJwtSvid(`${header}.${claims}.${signature}`, 'b', bundle(), NOW_MS)).rejects.toMatchObject({ code: 'E_TOKEN' });
  }
  const forged = await openJwtAuthority(rowOf(other), localKey(other)).signer.sign(jwtPlan(row.keyId));
  await expect(verifyJwtSvid(forged.toString('latin1'), 'b', bundle(), NOW_MS)).rejects.toMatchObject({ code: 'E_TOKEN' });
});

describe('the self-check', () => {
  it('passes what was planned, and finds every other character and length of the text', async () => {
    const { plan, token } = await signed();
    const { check } = open();
    expect(check(plan, token)).toBeUndefined();
    const end = token.lastIndexOf('.');
    for (let at = 0; at <= end; at += 7) {
      const changed = Buffer.from(token);
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
      expect(check(plan, changed)).toBeDefined();
    }
    for (let length = 0; length < token.length; length += 5) expect(check(plan, token.subarray(0, length))).toBeDefined();
  });

  it('finds a signature of another form, and in its sample one of another key', async () => {
    const { plan, token } = await signed();
    const text = token.toString('latin1').slice(0, token.lastIndexOf('.'));
    const short = Buffer.from(`${text}.${Buffer.alloc(64, 7).toString('base64url')}`);
    expect(open().check(plan, short)).toBe('signature');
    const forged = Buffer.from(`${text}.${Buffer.alloc(256, 7).toString('base64url')}`);
    expect(open().check(plan, forged)).toBe('signature');
  });

  it('finds a token of an ES256 authority, and one that outlives its authority', async () => {
    const ec = generateAuthorityKey();
    const spki = spkiOf(ec.key);
    const es256 = openJwtAuthority({ kind: 'jwt', keyId: jwtThumbprint({ point: ec.point }), public: spki, ...ends }, localKey(ec.key));
    const { plan } = await signed();
    expect(open().check(plan, await es256.signer.sign(plan))).toBe('header');
    const late = await signed({ notAfterMs: NOW_MS + 2 * DAY_MS });
    expect(open().check(late.plan, late.token)).toBe('exp beyond the authority');
  });
});

test('a signature is made on another thread: others are answered meanwhile', async () => {
  let done = false;
  const signing = Promise.resolve(open().signer.sign(jwtPlan(row.keyId))).then(() => (done = true));
  // What another thread has made is taken in by a later turn of the loop, and by nothing before it.
  for (let i = 0; i < 1_000; i++) await Promise.resolve();
  expect(done).toBe(false);
  await signing;
});

test('what was being signed when its authority was tainted is not handed out', async () => {
  const authority = open();
  const signing = authority.signer.sign(jwtPlan(row.keyId));
  authority.stop();
  await expect(signing).rejects.toMatchObject({ code: 'E_AUTHORITY_TAINTED' });
});

test.each<[string, string, () => unknown]>([
  ['the key of another authority', 'E_KEY_FILE', () => openJwtAuthority(row, localKey(other))],
  ['a P-256 key', 'E_KEY_FILE', () => openJwtAuthority(row, localKey(generateAuthorityKey().key))],
  ['a public half that its name does not say', 'E_INTEGRITY', () => openJwtAuthority({ ...row, public: spkiOf(other) }, localKey(key))],
  ['its row as one of ES256', 'E_INTEGRITY', () => openJwtAuthority({ ...row, kind: 'jwt' }, localKey(key))],
])('does not open with %s', (_, code, opened) => {
  expect(opened).toThrow(expect.objectContaining({ code }));
});
