import { createPublicKey, generateKeyPairSync, sign, verify as verifySignature } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { openJwtAuthority } from '../src/authority/jwt-authority';
import { generateAuthorityKey } from '../src/authority/key-pair';
import { createRoot } from '../src/authority/root-certificate';
import { openX509Authority } from '../src/authority/x509-authority';
import { localKey } from '../src/authority/signing-key';
import { jwkSetJson } from '../src/domain/bundle';
import { parseCertificate } from '../src/domain/certificate';
import { p256Spki, p256Thumbprint } from '../src/domain/p256';
import { pem } from '../src/domain/pem';
import { newSerial } from '../src/domain/serial';
import { generateAgentKey } from '../src/node/agent-key';
import { systemRandom } from '../src/system/random';
import { verifyJwtSvid } from '../src/verify/jwt-svid';
import { parseBundle } from '../src/verify/trust-bundle';
import { verifyX509Svid } from '../src/verify/x509-svid';
import { type Figure, figure } from './figure';
import { median } from './thread-cpu';

const TRUST_DOMAIN = 'laptop-7k2mq9xd.mandate.internal';
const SPIFFE_ID = `spiffe://${TRUST_DOMAIN}/agent/ana`;
const AUDIENCE = 'https://git.acme.example';
const NOW_MS = Date.UTC(2030, 0, 1);
const DAYS_14_MS = 14 * 24 * 3600 * 1000;
const DATES = { issuedAtMs: NOW_MS, notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 300_000 };

const ROUNDS = 9;
/** Short slices in turns: what slows the machine for a moment meets both. */
const PAIRS = 20;
const CALLS = 50;

/** What it costs to verify, beside the signature alone, and beside jose. Both of a pair are taken in turns in this process. */
export async function verifying(): Promise<readonly Figure[]> {
  return [await jwtSvid(), await x509Svid(), await hostile()];
}

async function jwtSvid(): Promise<Figure> {
  const { jwtVerify } = await import('jose');
  const { key, point } = generateAuthorityKey();
  const keyId = p256Thumbprint(point);
  const token = await jwtToken(keyId, point, key);
  const bundle = parseBundle(Buffer.from(jwkSetJson({ ...EMPTY, jwt: [{ kid: keyId, point }] })), TRUST_DOMAIN);
  const publicKey = createPublicKey(key);
  const options = { algorithms: ['ES256'], audience: AUDIENCE, requiredClaims: ['sub', 'aud', 'exp'], currentDate: new Date(NOW_MS) };
  const { ratio, micros } = await inTurns(
    () => verifyJwtSvid(token, AUDIENCE, bundle, NOW_MS),
    () => jwtVerify(token, publicKey, options),
  );
  return figure('verification of a JWT-SVID', ratio, '× jwtVerify', { least: 0.8 }, `${micros.toFixed(0)} µs of CPU, same token and key`);
}

const EMPTY = { trustDomain: TRUST_DOMAIN, sequence: 1, refreshHintSeconds: 60, x509: [] };

async function jwtToken(keyId: string, point: Buffer, key: KeyObject): Promise<string> {
  const row = { kind: 'jwt' as const, keyId, public: p256Spki(point), notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAYS_14_MS };
  const plan = {
    ...DATES,
    kind: 'jwt-svid',
    spiffeId: SPIFFE_ID,
    issuer: null,
    audience: [AUDIENCE],
    serial: newSerial(systemRandom),
    authorityKeyId: keyId,
    lineage: {
      v: 1,
      delegation: '0190a0b0-0000-7000-8000-000000000001',
      agent: '0190a0b0-0000-7000-8000-000000000002',
      delegator: '0190a0b0-0000-7000-8000-000000000003',
      given: 'launched',
      assurance: { process: 'measured', delegator: 'os-account', device: 'declared' },
    },
  } as const;
  return (await openJwtAuthority(row, localKey(key)).signer.sign(plan)).toString('latin1');
}

async function x509Svid(): Promise<Figure> {
  const { key, point } = generateAuthorityKey();
  const dates = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAYS_14_MS };
  const root = await createRoot({ trustDomain: TRUST_DOMAIN, key: localKey(key), point, serial: newSerial(systemRandom), ...dates });
  const authority = openX509Authority(root, localKey(key), TRUST_DOMAIN);
  const plan = { ...DATES, kind: 'x509-svid', spiffeId: SPIFFE_ID, authorityKeyId: authority.keyId } as const;
  const leaf = await authority.signer.sign({ ...plan, publicKey: generateAgentKey().point, serial: newSerial(systemRandom) });
  const bundle = parseBundle(Buffer.from(pem('CERTIFICATE', root)));
  const { tbs, signature } = parseCertificate(leaf);
  const publicKey = createPublicKey(key);
  const { ratio, micros } = await inTurns(
    () => verifyX509Svid([leaf], bundle, NOW_MS),
    () => verifySignature('sha256', tbs, publicKey, signature),
  );
  return figure(
    'verification of an X509-SVID',
    ratio,
    '× crypto.verify',
    { least: 0.25 },
    `${micros.toFixed(0)} µs of CPU, authority read before`,
  );
}

/** The documents that take longest to refuse or to read, of those that test/verify/hostile.test.ts knows. */
async function hostile(): Promise<Figure> {
  const keys = Array.from({ length: 128 }, (_, i) => ({
    ...newKey().publicKey.export({ format: 'jwk' }),
    use: 'jwt-svid',
    kid: String(i),
  }));
  const [few, own] = [keys.slice(0, 7), newKey()];
  const bundle = parseBundle(
    Buffer.from(JSON.stringify({ keys: [...few, { ...own.publicKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'own' }] })),
    TRUST_DOMAIN,
  );
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES512' })}.${part({ sub: SPIFFE_ID, aud: AUDIENCE, exp: NOW_MS / 1000 + 60 })}`;
  const signature = sign('sha512', Buffer.from(signed), { key: own.privateKey, dsaEncoding: 'ieee-p1363' });
  const token = `${signed}.${signature.toString('base64url')}`;
  const members = Buffer.from(`{${Array.from({ length: 16_000 }, (_, i) => `"${i}":0`).join()}}`);
  const spent = {
    '128 keys on P-521': await middleMilliseconds(() => parseBundle(Buffer.from(JSON.stringify({ keys })), TRUST_DOMAIN)),
    '16,000 members': await middleMilliseconds(() => {
      try {
        parseBundle(members);
      } catch {
        // refused, after all of it was read
      }
    }),
    'a token without kid, 8 keys': await middleMilliseconds(() => verifyJwtSvid(token, AUDIENCE, bundle, NOW_MS)),
  };
  const basis = Object.entries(spent).map(([what, ms]) => `${what} ${ms.toFixed(1)}`);
  return figure('slowest hostile document', Math.max(...Object.values(spent)), 'ms', { most: 50 }, basis.join(', '));
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-521' });

/** Rate of `ours` over that of `other`, and what `ours` costs in microseconds: CPU of all threads of this process. */
async function inTurns(ours: () => unknown, other: () => unknown): Promise<{ ratio: number; micros: number }> {
  const ratios: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let [mine, theirs] = [0, 0];
    for (let pair = 0; pair < PAIRS; pair++) {
      mine += await cpuOf(ours, CALLS);
      theirs += await cpuOf(other, CALLS);
    }
    if (round === 0) continue; // warms both up
    ratios.push(theirs / mine);
    costs.push(mine / (PAIRS * CALLS));
  }
  return { ratio: median(ratios), micros: median(costs) };
}

async function middleMilliseconds(run: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 10; i++) times.push((await cpuOf(run, 1)) / 1000);
  return median(times);
}

async function cpuOf(run: () => unknown, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
