import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import type { BundleAnswer } from '../../src/domain/answers';
import type { AuthoritiesAnswer, AuthorityItem } from '../../src/domain/authority-answers';
import { MANDATE } from '../running/installation';
import { until } from '../supervision/until';
import { fetchJwtBundles, fetchJwtSvid, validateJwtSvid } from '../workload-api/calls';
import { ServedInstallation } from '../workload-api/served-installation';
import type { WireClient } from '../workload-api/wire-client';

jest.setTimeout(180_000);

const CLOUD = 'sts.cloud.example';
const GIT = 'https://git.acme.example';
/** So long that the first request after the rule comes within it. */
const CONFIG = `admin: { allow_scripted: true }
authorities: { propagation: 15s }
bundle: { refresh_hint: 15s }
oidc: { issuer: "https://id.acme.example" }
`;

let mandate: ServedInstallation;
let agent: WireClient;

beforeAll(async () => {
  mandate = await ServedInstallation.start(undefined, CONFIG);
  agent = await mandate.launched('cloud');
});
afterAll(async () => {
  await agent?.kill();
  await mandate?.end();
});

const rs256 = async (): Promise<readonly AuthorityItem[]> =>
  (await mandate.json<AuthoritiesAnswer>('ca', 'show')).authorities.filter(({ kind }) => kind === 'jwt-rs256');
/** The one that signs, as soon as it is not `before` any more. */
const signing = (before?: string): Promise<AuthorityItem> =>
  until('an authority that signs', async () => (await rs256()).find(({ stage, keyId }) => stage === 'active' && keyId !== before));
const token = async (...audience: string[]): Promise<string> => (await fetchJwtSvid(agent, audience).message()).svids[0]!.svid;
const refusal = async (...audience: string[]) => (await fetchJwtSvid(agent, audience).ended()).code;
const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid!;

test('OD-06: nothing is made before a rule asks for it; then tokens are refused until verifiers know the key', async () => {
  expect(await rs256()).toEqual([]);
  expect(decodeProtectedHeader(await token(CLOUD)).alg).toBe('ES256');
  const issue = { id: '/deploy', jwt: { audiences: [CLOUD, GIT], rs256: [CLOUD] } };
  await mandate.apply({ name: 'deploy', priority: 9, match: { 'launch.id': '*' }, issue });
  expect(await refusal(CLOUD)).toBe('E_RS256_UNPUBLISHED');
  const [made] = await until('a key', async () => {
    const found = await rs256();
    return found.length > 0 && found;
  });
  expect(made).toMatchObject({ stage: 'prepared', published: true });
  expect(Date.parse(made!.ready!)).toBeGreaterThanOrEqual(Date.parse(made!.prepared) + 15_000);
  const active = await signing();
  expect([active.keyId, Date.parse(active.activated!) >= Date.parse(made!.ready!)]).toEqual([made!.keyId, true]);
});

test('OD-06: a relying party that takes RS256 alone accepts what the rule gives it, and others still get ES256', async () => {
  const { jwks } = await mandate.json<BundleAnswer>('bundle', 'show');
  const { keys } = jwks as unknown as JSONWebKeySet;
  expect(keys.map(({ kty }) => kty)).toEqual(['EC', 'RSA']);
  const keySet = createLocalJWKSet({ keys: keys.map((key) => ({ ...key, use: 'sig' })) });
  const cloud = await token(CLOUD);
  const { payload } = await jwtVerify(cloud, keySet, { algorithms: ['RS256'], issuer: 'https://id.acme.example', audience: CLOUD });
  expect(payload.sub).toBe(`spiffe://${mandate.trustDomain}/deploy`);
  expect(decodeProtectedHeader(await token(GIT)).alg).toBe('ES256');
  expect(await refusal(CLOUD, GIT)).toBe('E_AUDIENCE_ALGORITHMS');
  const [row] = await mandate.query<{ kind: string }>(
    `SELECT authority.kind FROM credential JOIN authority ON authority_key_id = key_id WHERE serial = $1`,
    [payload.jti],
  );
  expect(row!.kind).toBe('jwt-rs256');
});

test('WL-50, JV-09: the node and the command line verify it by the bundle', async () => {
  const cloud = await token(CLOUD);
  expect((await validateJwtSvid(agent, cloud, CLOUD).message()).spiffeId).toBe(`spiffe://${mandate.trustDomain}/deploy`);
  const file = path.join(mandate.home, 'token');
  writeFileSync(file, cloud);
  expect((await mandate.mandate(['verify', '--any-agent', '--audience', CLOUD, file])).code).toBe(0);
});

test('the key is there again after a restart, and an order without a kind is about it as well', async () => {
  const before = kidOf(await token(CLOUD));
  await agent.kill();
  await mandate.down();
  await mandate.up();
  agent = await mandate.launched('cloud');
  expect(kidOf(await token(CLOUD))).toBe(before);
  const { authorities } = await mandate.json<AuthoritiesAnswer>('ca', 'rotate');
  expect(authorities.map(({ kind }) => kind).sort()).toEqual(['jwt', 'jwt-rs256', 'x509']);
  const { keyId } = await signing(before);
  expect(kidOf(await token(CLOUD))).toBe(keyId);
});

test('tainted and revoked, it signs no more and nobody accepts what it signed', async () => {
  const before = await token(CLOUD);
  const bundles = fetchJwtBundles(agent);
  await bundles.message();
  await mandate.json('ca', 'taint', kidOf(before), '-y');
  expect(kidOf(await token(CLOUD))).not.toBe(kidOf(before));
  await mandate.json('ca', 'revoke', kidOf(before), '-y');
  await until('a bundle without it', async () => {
    const { jwks } = await mandate.json<BundleAnswer>('bundle', 'show');
    return !JSON.stringify(jwks).includes(kidOf(before));
  });
  await bundles.message(3);
  expect((await validateJwtSvid(agent, before, CLOUD).ended()).code).toBe('E_TOKEN');
  expect((await mandate.mandate(['run', '--', MANDATE, 'ca', 'rotate', 'jwt-rs256', '-o', 'json'])).stdout).toContain('E_AGENT_NOT_ADMIN');
});
