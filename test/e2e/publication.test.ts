import { X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { connect } from 'node:tls';
import { createRemoteJWKSet, customFetch, decodeJwt, type FetchImplementation, jwtVerify } from 'jose';
import type { StatusAnswer } from '../../src/domain/answers';
import { CATALOGUE } from '../../src/domain/errors';
import { freePort } from '../../src/supervisor/free-port';
import { systemRandom } from '../../src/system/random';
import { Installation, MANDATE } from '../running/installation';
import { get } from '../server/get';
import { WebAuthority } from '../server/web-authority';
import { until } from '../supervision/until';
import { type AgentProcess, launchAgent } from './agent-process';

jest.setTimeout(180_000);

const AUDIENCE = 'https://cloud.example';
let mandate: Installation;
let web: WebAuthority;
let agent: AgentProcess;
let issuer: string;
/** What `status` said before there was a certificate for the web. */
let before: StatusAnswer;

beforeAll(async () => {
  web = await WebAuthority.make();
  mandate = new Installation();
  const port = await freePort(systemRandom);
  issuer = `https://localhost:${port}/id`;
  const files = { certificate: path.join(mandate.home, 'chain.pem'), key: path.join(mandate.home, 'key.pem') };
  const config = { admin: { allow_scripted: true }, web: { port, name: 'localhost', ...files }, oidc: { issuer } };
  writeFileSync(mandate.configFile, JSON.stringify(config, null, 2));
  await mandate.up();
  before = await mandate.json<StatusAnswer>('status');
  const pair = await web.pair(['localhost']);
  writeFileSync(files.certificate, pair.certificatePem);
  writeFileSync(files.key, pair.keyPem, { mode: 0o600 });
  chmodSync(files.key, 0o600);
  const { accounts } = JSON.parse(readFileSync(`${mandate.state}/installation.json`, 'utf8'));
  if (accounts) for (const file of Object.values(files)) chownSync(file, accounts.server.uid, accounts.server.gid);
  await until('the web endpoint', async () =>
    get(`https://localhost:${port}/bundle`, web.pem, { family: 4 }).then(
      () => true,
      () => false,
    ),
  );
  agent = launchAgent(mandate, 'published', process.execPath, ['x509']);
  await agent.until('an SVID', ({ event }) => event === 'x509');
});
afterAll(async () => {
  await agent?.end();
  await mandate?.end();
});

const status = () => mandate.json<StatusAnswer>('status');
const ownRoots = async () => (await mandate.mandate(['bundle', 'export'])).stdout;
const logged = (what: string): string[] =>
  readFileSync(path.join(mandate.state, 'log/server.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(what));
const bundles = async () => {
  const { bundleUrl, webBundleUrl } = await status();
  return { spiffe: await get(bundleUrl, await ownRoots(), { family: 4 }), web: await get(webBundleUrl!, web.pem, { family: 4 }) };
};

test('what the web endpoint lacks is told and stops nothing else; it opens by itself', async () => {
  expect(before.ready).toBe(true);
  expect(before.notes.join()).toMatch(/web endpoint cannot use what it is given: .*chain\.pem.*ENOENT.*E_WEB_CERTIFICATE/);
  expect((await status()).notes.join()).not.toContain('E_WEB_CERTIFICATE');
});

test('FD-01, FD-03, FD-05, FD-14: both profiles serve the same bundle, to roots of their own', async () => {
  const { bundleUrl, webBundleUrl } = await status();
  const { spiffe, web: onWeb } = await bundles();
  expect([spiffe.status, onWeb.status]).toEqual([200, 200]);
  expect(onWeb.body).toBe(spiffe.body);
  await expect(get(bundleUrl, web.pem, { family: 4 })).rejects.toThrow();
  await expect(get(webBundleUrl!, await ownRoots(), { family: 4 })).rejects.toThrow();
});

test('FD-36: a reading is logged, with what was read and from where', async () => {
  await bundles();
  const read = logged('a public document was read').map((line) => JSON.parse(line));
  for (const profile of ['https_spiffe', 'https_web'])
    expect(read).toContainEqual(expect.objectContaining({ profile, document: 'bundle', status: 200, from: '127.0.0.1' }));
});

test('the web endpoint alone asks to be reached by https for good', async () => {
  const { spiffe, web: onWeb } = await bundles();
  expect([spiffe.headers['strict-transport-security'], onWeb.headers['strict-transport-security']]).toEqual([
    undefined,
    'max-age=31536000',
  ]);
});

test('FD-08: who is shown on the https_spiffe endpoint is an X509-SVID of the server, and no authority', async () => {
  const { bundleUrl, trustDomain } = await status();
  const ca = await ownRoots();
  const leaf = await new Promise<X509Certificate>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(bundleUrl).port), servername: 'localhost', ca }, () => {
      resolve(socket.getPeerX509Certificate()!);
      socket.destroy();
    });
    socket.once('error', reject);
  });
  expect(leaf.subjectAltName!.match(/URI:[^,]*/g)).toEqual([`URI:spiffe://${trustDomain}/mandate/server`]);
  expect(leaf.ca).toBe(false);
  expect(leaf.verify(new X509Certificate(ca).publicKey)).toBe(true);
});

describe('JWT-SVIDs as ID tokens', () => {
  const token = async (): Promise<string> => {
    const { code, stdout, stderr } = await mandate.mandate(['run', '--', MANDATE, 'svid', '--jwt', '--audience', AUDIENCE]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  /** What a relying party has: https, and the web's roots. */
  const webFetch: FetchImplementation = async (url, { headers }) => {
    const got = await get(url, web.pem, { family: 4, headers: Object.fromEntries(headers.entries()) });
    return new Response(got.body, { status: got.status, headers: { 'content-type': got.headers['content-type']! } });
  };

  test('JS-12, OD-01, OD-02, OD-04, OD-07, OD-09: one that knows the issuer alone verifies a token', async () => {
    const discovery = await get(`${issuer}/.well-known/openid-configuration`, web.pem, { family: 4 });
    const said = JSON.parse(discovery.body);
    expect([discovery.status, discovery.headers['content-type'], said.issuer]).toEqual([200, 'application/json', issuer]);
    const keys = createRemoteJWKSet(new URL(said.jwks_uri as string), { [customFetch]: webFetch });
    const { payload, protectedHeader } = await jwtVerify(await token(), keys, {
      issuer,
      audience: AUDIENCE,
      algorithms: said.id_token_signing_alg_values_supported,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
    });
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload.sub!.length).toBeLessThanOrEqual(255);
    await expect(jwtVerify(await token(), keys, { issuer: `${issuer}/`, audience: AUDIENCE })).rejects.toThrow('"iss"');
  });

  test('OD-04, OD-05: the key set holds the JWT keys of the bundle and nothing else', async () => {
    const { keys } = JSON.parse((await get(`${issuer}/.well-known/jwks.json`, web.pem, { family: 4 })).body) as { keys: object[] };
    const bundle = JSON.parse((await bundles()).web.body) as { keys: { use: string; kid?: string; x: string }[] };
    const wanted = bundle.keys.filter(({ use }) => use === 'jwt-svid');
    expect(keys).toEqual(wanted.map((key) => ({ ...key, use: 'sig', alg: 'ES256' })));
    const foreign = bundle.keys.filter(({ use }) => use === 'x509-svid').map(({ x }) => x);
    expect(foreign.filter((x) => JSON.stringify(keys).includes(x))).toEqual([]);
  });

  test('OD-08: SPIFFE verifies it without a look at the issuer', async () => {
    const file = path.join(mandate.home, 'token');
    writeFileSync(file, await token());
    expect(decodeJwt(readFileSync(file, 'utf8')).iss).toBe(issuer);
    expect((await mandate.mandate(['verify', '--any-agent', '--audience', AUDIENCE, file])).code).toBe(0);
  });
});

describe('metrics', () => {
  interface Sample {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }
  const scrape = async (): Promise<readonly Sample[]> => {
    const { metricsUrl } = await status();
    const text = await new Promise<string>((resolve, reject) => {
      const asked = request(metricsUrl, { agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve(body));
      });
      asked.once('error', reject);
      asked.end();
    });
    return text.split('\n').flatMap((line) => {
      const [, name, inside = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) {
        expect(line).toMatch(/^(# (HELP|TYPE) .*)?$/);
        return [];
      }
      const labels = Object.fromEntries([...inside.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label, of]) => [label!, of!]));
      return [{ name, labels, value: Number(value) }];
    });
  };
  const valueOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number =>
    samples.find((sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      ?.value ?? 0;

  /** Every value a label may have. Nothing here can be chosen by a process, a person or a caller. */
  const closed: Readonly<Record<string, readonly string[]>> = {
    kind: ['x509-svid', 'jwt-svid'],
    outcome: ['issued', ...Object.keys(CATALOGUE)],
    code: ['other', ...Object.keys(CATALOGUE)],
    by: ['rules', 'node', 'socket', 'verb'],
    authority: ['x509', 'jwt', 'jwt-rs256'],
    stage: ['prepared', 'active', 'retired', 'tainted', 'revoked'],
    change: ['prepared', 'activated', 'retired', 'tainted', 'revoked'],
    profile: ['https_spiffe', 'https_web'],
    document: ['bundle', 'oidc-discovery', 'oidc-keys', 'none'],
    status: ['200', '304', '404', '405'],
    queue: ['records', 'node_requests'],
    what: ['agents', 'processes', 'streams', 'x509_svids'],
    part: ['server', 'node'],
    quantile: ['0.5', '0.99', '1'],
    le: ['0.0005', '0.001', '0.0025', '0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '+Inf'],
    version: [JSON.parse(readFileSync(path.join(__dirname, '../../package.json'), 'utf8')).version],
  };

  test('after issuances, refusals and requests by strangers every label has a value of a closed list', async () => {
    await mandate.mandate(['svid']);
    await mandate.mandate(['run', '--', MANDATE, 'rules', 'ls']);
    await mandate.mandate(['run', '--', MANDATE, 'svid', '--jwt', '--audience', AUDIENCE]);
    await get(`${issuer}/who/is/spiffe:%2F%2Fx`, web.pem, { family: 4 });
    const samples = await scrape();
    const outside = samples.flatMap(({ name, labels }) =>
      Object.entries(labels).flatMap(([label, value]) => (closed[label]?.includes(value) ? [] : [`${name}{${label}="${value}"}`])),
    );
    expect(outside).toEqual([]);
    expect(samples.every(({ name }) => name.startsWith('mandate_'))).toBe(true);
    expect(samples.every(({ value }) => Number.isFinite(value))).toBe(true);
    expect(valueOf(samples, 'mandate_refusals_total', { by: 'rules', code: 'E_NO_RULE' })).toBeGreaterThan(0);
    expect(valueOf(samples, 'mandate_https_requests_total', { profile: 'https_web', document: 'none', status: '404' })).toBe(1);
  });

  test('one more token is one more', async () => {
    const count = async () => valueOf(await scrape(), 'mandate_issuances_total', { kind: 'jwt-svid', outcome: 'issued' });
    const was = await count();
    expect((await mandate.mandate(['run', '--', MANDATE, 'svid', '--jwt', '--audience', AUDIENCE])).code).toBe(0);
    expect(await count()).toBe(was + 1);
  });

  test('how the server is, and how the node is', async () => {
    const samples = await scrape();
    const sequence = JSON.parse((await bundles()).web.body).spiffe_sequence as number;
    expect(valueOf(samples, 'mandate_bundle_sequence')).toBe(sequence);
    for (const authority of ['x509', 'jwt'])
      expect(valueOf(samples, 'mandate_authority_remaining_seconds', { authority, stage: 'active' })).toBeGreaterThan(86_400);
    for (const profile of ['https_spiffe', 'https_web'])
      expect(valueOf(samples, 'mandate_endpoint_certificate_remaining_seconds', { profile })).toBeGreaterThan(3_600);
    expect(valueOf(samples, 'mandate_web_endpoint_faulty')).toBe(0);
    expect(valueOf(samples, 'mandate_node_linked')).toBe(1);
    expect(valueOf(samples, 'mandate_living', { what: 'streams' })).toBeGreaterThan(0);
    expect(valueOf(samples, 'mandate_living', { what: 'x509_svids' })).toBeGreaterThan(0);
    expect(valueOf(samples, 'mandate_database_commit_seconds_count')).toBeGreaterThan(1);
    for (const part of ['server', 'node']) expect(valueOf(samples, 'mandate_resident_memory_bytes', { part })).toBeGreaterThan(1e7);
  });
});

test('OD-07: a SPIFFE ID that is longer than the sub of an ID token is issued, and warned of once', async () => {
  const issue = { id: `/${'x'.repeat(250)}`, jwt: { audiences: [AUDIENCE] } };
  await mandate.apply({ name: 'long', match: { 'launch.id': '*' }, issue });
  for (let i = 0; i < 2; i++) expect((await mandate.mandate(['run', '--', MANDATE, 'svid', '--jwt', '--audience', AUDIENCE])).code).toBe(0);
  const warned = logged('longer than the sub of an ID token');
  expect(warned).toHaveLength(1);
  expect(JSON.parse(warned[0]!)).toMatchObject({ rule: 'long', most: 255 });
});

test('TB-02, TB-03: the sequence of both endpoints is higher after a restart', async () => {
  const sequence = async () => JSON.parse((await bundles()).web.body).spiffe_sequence as number;
  const was = await sequence();
  await agent.end();
  await mandate.down();
  await mandate.up();
  expect(await sequence()).toBeGreaterThan(was);
  expect(JSON.parse((await bundles()).spiffe.body).spiffe_refresh_hint).toBeGreaterThan(0);
});
