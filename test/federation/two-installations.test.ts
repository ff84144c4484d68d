import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FederationAnswer, FederationItem, FederationRemovedAnswer } from '../../src/domain/federation-answers';
import { parseBundle } from '../../src/verify/trust-bundle';
import { verifyX509Svid } from '../../src/verify/x509-svid';
import { schemaOf } from '../cli/schema';
import { hasProgram, MANDATE } from '../running/installation';
import { fetchJwtBundles, fetchJwtSvid, fetchX509Bundles, fetchX509Svid, validateJwtSvid } from '../workload-api/calls';
import { ServedInstallation } from '../workload-api/served-installation';
import type { WireClient } from '../workload-api/wire-client';
import { derElements } from '../../src/domain/der';
import { pem } from '../../src/domain/pem';
import { bundleText, forgeNow, json, PartnerServer, webIdentity } from './partner-server';

jest.setTimeout(180_000);

const AUDIENCE = 'https://files.example';
let a: ServedInstallation;
let b: ServedInstallation;
let agentOfA: WireClient;
let agentOfB: WireClient;
let other: WireClient;
beforeAll(async () => {
  a = await ServedInstallation.start();
  b = await ServedInstallation.start();
  agentOfA = await a.launched('fed');
  agentOfB = await b.launched('fed');
  other = await a.launched('other');
});
afterAll(async () => {
  await a?.end();
  await b?.end();
});

const idOf = (installation: ServedInstallation) => `spiffe://${installation.trustDomain}`;
const inHome = (installation: ServedInstallation, name: string) => path.join(installation.home, name);

/** The rule of every launched agent, and what it may know; the tests' own agent matches by its name. */
const federates = (installation: ServedInstallation, names: readonly string[]) =>
  installation.apply({
    name: 'launched',
    match: { 'launch.id': '*', 'launch.path': process.execPath },
    issue: { id: '/fed', jwt: { audiences: '*' }, ...(names.length > 0 && { federates_with: names }) },
  });

async function federation(installation: ServedInstallation, ...args: string[]): Promise<FederationItem> {
  const answer = await installation.json<FederationAnswer>('federation', ...args);
  const fits = schemaOf('federation');
  expect(fits(answer) ? [] : fits.errors).toEqual([]);
  return answer.relationships[0]!;
}

/** What an administrator types who got the bundle of the partner by another way than its endpoint. */
async function addBySpiffe(installation: ServedInstallation, partner: ServedInstallation): Promise<FederationItem> {
  const { stdout } = await partner.mandate(['bundle', 'export', '--format', 'spiffe']);
  writeFileSync(inHome(installation, 'partner.json'), stdout);
  const endpoint = ['--url', partner.status.bundleUrl, '--profile', 'https_spiffe', '--endpoint-id', `${idOf(partner)}/mandate/server`];
  return federation(installation, 'add', partner.trustDomain, ...endpoint, '--bundle', inHome(installation, 'partner.json'));
}

const chainOf = async (client: WireClient) => {
  const call = fetchX509Svid(client);
  const { svids } = await call.message();
  call.cancel();
  return Buffer.from(svids[0]!.x509Svid);
};
const tokenOf = async (client: WireClient) => (await fetchJwtSvid(client, [AUDIENCE]).message()).svids[0]!.svid;
const bundleOf = (der: Uint8Array, trustDomain: string) =>
  parseBundle(
    Buffer.from(
      derElements(Buffer.from(der))
        .map((one) => pem('CERTIFICATE', one))
        .join(''),
    ),
    trustDomain,
  );

test('FD-35, WL-26: neither a relationship nor a rule names our own trust domain', async () => {
  const own = await a.mandate(['federation', 'add', a.trustDomain, '--url', a.status.bundleUrl, '--profile', 'https_web']);
  expect(own).toMatchObject({ code: 1, stderr: expect.stringContaining('E_FEDERATION_INVALID') });
  const rule = { name: 'own', match: { 'user.uid': '1' }, issue: { id: '/x', federates_with: [a.trustDomain] } };
  expect(await a.mandate(['rules', 'apply', a.ruleFile(rule)])).toMatchObject({ code: 1, stderr: expect.stringContaining('names') });
});

describe('https_spiffe, both ways', () => {
  test('FD-38: one direction at a time; FD-37: an open stream of an entitled agent gets the bundle, and no other does', async () => {
    await federates(a, [b.trustDomain]);
    const streams = { x509: fetchX509Svid(agentOfA), bundles: fetchX509Bundles(agentOfA), jwt: fetchJwtBundles(agentOfA) };
    expect((await streams.x509.message()).federatedBundles).toEqual({});
    expect(Object.keys((await streams.bundles.message()).bundles)).toEqual([idOf(a)]);
    await streams.jwt.message();

    const added = await addBySpiffe(a, b);
    expect(added).toMatchObject({ trustDomain: b.trustDomain, state: 'current', failure: null, failures: 0, rules: ['launched'] });
    expect((await b.json<FederationAnswer>('federation', 'ls')).relationships).toEqual([]);

    const { federatedBundles } = await streams.x509.message(2);
    expect(Object.keys(federatedBundles)).toEqual([idOf(b)]);
    expect(Object.keys((await streams.bundles.message(2)).bundles).sort()).toEqual([idOf(a), idOf(b)].sort());
    expect(Object.keys((await streams.jwt.message(2)).bundles).sort()).toEqual([idOf(a), idOf(b)].sort());
    for (const call of Object.values(streams)) call.cancel();

    // An agent of A knows an agent of B by it, and by nothing else.
    const chain = await chainOf(agentOfB);
    const foreign = bundleOf(federatedBundles[idOf(b)]!, b.trustDomain);
    expect(verifyX509Svid(chain, foreign, Date.now())).toMatchObject({ spiffeId: expect.stringContaining(`${idOf(b)}/`) });
    expect(() => verifyX509Svid(chain, bundleOf(federatedBundles[idOf(b)]!, a.trustDomain), Date.now())).toThrow('did not verify');
  });

  test('WL-50, JV-07: an agent has tokens of exactly the trust domains of its rule judged', async () => {
    const token = await tokenOf(agentOfB);
    const { spiffeId, claims } = await validateJwtSvid(agentOfA, token, AUDIENCE).message();
    expect(spiffeId).toContain(`${idOf(b)}/`);
    expect(claims).toMatchObject({ aud: [AUDIENCE], sub: spiffeId });
    // B has no relationship to A yet.
    expect(await validateJwtSvid(agentOfB, await tokenOf(agentOfA), AUDIENCE).ended()).toMatchObject({ status: 3, code: 'E_TOKEN' });
    expect(await validateJwtSvid(agentOfA, await tokenOf(agentOfA), AUDIENCE).message()).toMatchObject({ spiffeId: `${idOf(a)}/fed` });

    // A rule that no longer names it ends that, also for who is connected already and has no stream.
    const streamed = fetchX509Svid(other);
    expect(Object.keys((await streamed.message()).federatedBundles)).toEqual([idOf(b)]);
    await federates(a, []);
    try {
      expect((await streamed.message(2)).federatedBundles).toEqual({});
      expect(await validateJwtSvid(agentOfA, token, AUDIENCE).ended()).toMatchObject({ status: 3, code: 'E_TOKEN' });
      expect(await validateJwtSvid(other, token, AUDIENCE).ended()).toMatchObject({ status: 3, code: 'E_TOKEN' });
    } finally {
      // The tests that follow start from here.
      await federates(a, [b.trustDomain]);
    }
    expect(Object.keys((await streamed.message(3)).federatedBundles)).toEqual([idOf(b)]);
    streamed.cancel();
  });

  test('the other direction, by the same words', async () => {
    await federates(b, [a.trustDomain]);
    expect(await addBySpiffe(b, a)).toMatchObject({ state: 'current', failure: null });
    expect(await validateJwtSvid(agentOfB, await tokenOf(agentOfA), AUDIENCE).message()).toMatchObject({ spiffeId: `${idOf(a)}/fed` });
  });

  test('FD-35: one relationship for a trust domain; and an agent may not make one', async () => {
    const web = ['federation', 'add', b.trustDomain, '--url', b.status.bundleUrl, '--profile', 'https_web'];
    expect(await a.mandate(web)).toMatchObject({ code: 1, stderr: expect.stringContaining('E_FEDERATION_EXISTS') });
    for (const args of [web, ['federation', 'ls'], ['federation', 'refresh'], ['federation', 'rm', b.trustDomain, '-y']])
      expect(await a.mandate(['run', '--', MANDATE, ...args])).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('E_AGENT_NOT_ADMIN'),
      });
  });

  test('FD-34: the end of a relationship reaches open streams', async () => {
    const stream = fetchX509Svid(agentOfA);
    expect(Object.keys((await stream.message()).federatedBundles)).toEqual([idOf(b)]);
    const removed = await a.json<FederationRemovedAnswer>('federation', 'rm', b.trustDomain, '-y');
    expect(removed).toEqual({ trustDomain: b.trustDomain, removed: true, rules: ['launched'] });
    expect((await stream.message(2)).federatedBundles).toEqual({});
    stream.cancel();
    expect(await validateJwtSvid(agentOfA, await tokenOf(agentOfB), AUDIENCE).ended()).toMatchObject({ status: 3, code: 'E_TOKEN' });
    const [row] = await a.query<{ document: Buffer | null }>('SELECT document FROM federation WHERE trust_domain = $1', [b.trustDomain]);
    expect(row).toEqual({ document: null });
  });
});

describe('https_web', () => {
  let server: PartnerServer;
  let exported: string;
  beforeAll(async () => {
    const { ca, identity } = await webIdentity(['localhost']);
    exported = (await b.mandate(['bundle', 'export', '--format', 'spiffe'])).stdout;
    server = await PartnerServer.start(identity, json(exported));
    writeFileSync(inHome(a, 'web-ca.pem'), ca);
  });
  afterAll(() => server?.close());

  test('FD-24, FD-26: the profile is the one that was said; the Web PKI does not do for https_spiffe, nor an SVID for https_web', async () => {
    const { stdout } = await b.mandate(['bundle', 'export', '--format', 'spiffe']);
    writeFileSync(inHome(a, 'partner.json'), stdout);
    const spiffe = ['--profile', 'https_spiffe', '--endpoint-id', `${idOf(b)}/mandate/server`, '--bundle', inHome(a, 'partner.json')];
    const byWeb = await federation(a, 'add', b.trustDomain, '--url', server.url, ...spiffe);
    expect(byWeb).toMatchObject({ state: 'failing', failure: { code: 'E_FEDERATION_ENDPOINT' }, failures: 1 });
    await a.json('federation', 'rm', b.trustDomain, '-y');
    const bySvid = await a.mandate([
      'federation',
      'add',
      b.trustDomain,
      '--url',
      b.status.bundleUrl,
      '--profile',
      'https_web',
      '-o',
      'json',
    ]);
    expect([bySvid.code, (JSON.parse(bySvid.stdout) as FederationAnswer).relationships[0]]).toMatchObject([
      1,
      { state: 'none', failure: { code: 'E_FEDERATION_ENDPOINT' } },
    ]);
    await a.json('federation', 'rm', b.trustDomain, '-y');
    expect(server.requests).toEqual([]);
  });

  test('an endpoint that publishes what the partner exported; a change of it reaches open streams', async () => {
    const stream = fetchX509Svid(agentOfA);
    expect((await stream.message()).federatedBundles).toEqual({});
    const web = ['--url', server.url, '--profile', 'https_web', '--ca', inHome(a, 'web-ca.pem')];
    expect(await federation(a, 'add', b.trustDomain, ...web)).toMatchObject({ state: 'current', webCa: true, endpointId: null });
    const first = (await stream.message(2)).federatedBundles[idOf(b)]!;
    expect(verifyX509Svid(await chainOf(agentOfB), bundleOf(first, b.trustDomain), Date.now())).toMatchObject({
      serial: expect.any(String),
    });

    // A second authority; the stream has both then, and the old one alone is a step back that nobody takes.
    const root = await forgeNow({ ca: true, uris: [idOf(b)] });
    const document = JSON.parse(exported) as { keys: object[]; spiffe_sequence: number };
    server.answer = json(
      JSON.stringify({
        ...document,
        keys: [...document.keys, ...(JSON.parse(bundleText([root])) as { keys: object[] }).keys],
        spiffe_sequence: document.spiffe_sequence + 1,
      }),
    );
    await federation(a, 'refresh', b.trustDomain);
    const second = Buffer.from((await stream.message(3)).federatedBundles[idOf(b)]!);
    expect(second.includes(root.der)).toBe(true);
    server.answer = json(exported);
    const { code, stdout } = await a.mandate(['federation', 'refresh', '-o', 'json']);
    expect([code, (JSON.parse(stdout) as FederationAnswer).relationships[0]]).toMatchObject([
      1,
      { state: 'failing', failure: { code: 'E_FEDERATION_ROLLBACK' } },
    ]);
    expect(await federation(a, 'refresh', b.trustDomain, '--accept-rollback')).toMatchObject({ state: 'current', failures: 0 });
    expect(Buffer.from((await stream.message(4)).federatedBundles[idOf(b)]!)).toEqual(Buffer.from(first));
    stream.cancel();
  });

  test('FD-30, FD-31: what fails changes nothing, also over a restart', async () => {
    await server.close();
    await a.down();
    await a.up();
    const { relationships } = JSON.parse((await a.mandate(['federation', 'refresh', '-o', 'json'])).stdout) as FederationAnswer;
    expect(relationships[0]).toMatchObject({ state: 'failing', failure: { code: 'E_FEDERATION_UNREACHABLE', why: 'ECONNREFUSED' } });
    expect(await validateJwtSvid(await a.launched('again'), await tokenOf(agentOfB), AUDIENCE).message()).toMatchObject({
      spiffeId: expect.stringContaining(idOf(b)),
    });
  });
});

test('every change is on record with who made it', async () => {
  const rows = await a.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind LIKE 'federation-%' ORDER BY at, id`);
  const events = rows.map(({ record }) => JSON.parse(record.toString()) as { kind: string; data: Record<string, unknown> });
  expect(events.map(({ kind, data }) => [kind, data['profile'] ?? data['fetched']])).toEqual([
    ['federation-added', 'https_spiffe'],
    ['federation-bundle', false],
    ['federation-bundle', true],
    ['federation-removed', undefined],
    ['federation-added', 'https_spiffe'],
    ['federation-bundle', false],
    ['federation-removed', undefined],
    ['federation-added', 'https_web'],
    ['federation-removed', undefined],
    ['federation-added', 'https_web'],
    ['federation-bundle', true],
    ['federation-bundle', true],
    ['federation-bundle', true],
  ]);
  expect(events.map(({ data }) => data['rollback'] === true)).toEqual([...Array<boolean>(12).fill(false), true]);
  for (const { data } of events)
    expect(data).toMatchObject({ trustDomain: b.trustDomain, uid: process.geteuid!(), pid: expect.any(Number) });
});

// The way a person would look at it, beside our own client.
(hasProgram('openssl') ? test : test.skip)('openssl verifies an SVID of B with what an agent of A was given', async () => {
  const stream = fetchX509Bundles(await a.launched('openssl'));
  const roots = derElements(Buffer.from((await stream.message()).bundles[idOf(b)]!)).map((der) => pem('CERTIFICATE', der));
  stream.cancel();
  writeFileSync(inHome(a, 'roots.pem'), roots.join(''));
  writeFileSync(inHome(a, 'leaf.pem'), pem('CERTIFICATE', derElements(await chainOf(agentOfB))[0]!));
  expect(await a.run('openssl', ['verify', '-CAfile', inHome(a, 'roots.pem'), inHome(a, 'leaf.pem')])).toMatchObject({ code: 0 });
});
