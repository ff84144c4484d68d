import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { X509SVIDResponse } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { fetchJwtBundles, fetchJwtSvid, fetchX509Bundles, fetchX509Svid } from './calls';
import { hasProgram } from '../running/installation';
import { ServedInstallation } from './served-installation';
import type { WireClient } from './wire-client';

const [PERMISSION_DENIED, UNAVAILABLE] = [7, 14];

jest.setTimeout(180_000);

const serialOf = (der: Uint8Array) => new X509Certificate(der).serialNumber;
const idsOf = ({ svids }: X509SVIDResponse) => svids.map(({ spiffeId }) => spiffeId);
/** The certificates of concatenated DER; throws where anything else stands between or behind them. */
function certificates(der: Uint8Array): X509Certificate[] {
  const out: X509Certificate[] = [];
  for (let rest = Buffer.from(der); rest.length > 0;) {
    const certificate = new X509Certificate(rest);
    expect(rest.subarray(0, certificate.raw.length).equals(certificate.raw)).toBe(true);
    out.push(certificate);
    rest = rest.subarray(certificate.raw.length);
  }
  return out;
}

describe('what streams of the Workload API carry', () => {
  let mandate: ServedInstallation;
  let client: WireClient;
  let agentId: string;
  let domain: string;

  beforeAll(async () => {
    mandate = await ServedInstallation.start();
    client = await mandate.launched('streams');
    domain = `spiffe://${mandate.trustDomain}`;
    agentId = `${domain}/agent/${userInfo().username}`;
  });
  afterAll(() => mandate?.end());

  it('WE-04, WE-07, WL-20, WL-22, WL-23, WL-24, WL-25, WL-30: an X509-SVID as the standard has it: one identity, DER only, key and ID of the leaf', async () => {
    const call = fetchX509Svid(client);
    const { svids, crl, federatedBundles } = await call.message();
    call.cancel();
    expect(svids).toHaveLength(1);
    const [svid] = svids;
    const [leaf, ...intermediates] = certificates(svid!.x509Svid);
    expect(svid).toMatchObject({ spiffeId: agentId, hint: '' });
    expect(leaf!.subjectAltName).toBe(`URI:${agentId}`);
    expect(leaf!.ca).toBe(false);
    expect(intermediates).toEqual([]);
    // Exactly one PKCS#8 structure: a trailing byte would be refused, and so would PEM.
    const key = createPrivateKey({ key: Buffer.from(svid!.x509SvidKey), format: 'der', type: 'pkcs8' });
    expect(key.export({ format: 'der', type: 'pkcs8' }).equals(Buffer.from(svid!.x509SvidKey))).toBe(true);
    expect(createPublicKey(key).equals(leaf!.publicKey)).toBe(true);
    const authorities = certificates(svid!.bundle);
    expect(authorities.length).toBeGreaterThanOrEqual(1);
    expect(authorities.some((authority) => leaf!.checkIssued(authority) && leaf!.verify(authority.publicKey))).toBe(true);
    expect(crl).toEqual([]);
    expect(federatedBundles).toEqual({});
  });

  it('WL-01, WL-14, WL-25, WL-31, WL-45, WL-46, WL-47, WL-48: bundles under the name of the trust domain, without a slash', async () => {
    const [x509, jwt] = [fetchX509Bundles(client), fetchJwtBundles(client)];
    const [{ bundles }, { bundles: jwtBundles }] = await Promise.all([x509.message(), jwt.message()]);
    x509.cancel();
    jwt.cancel();
    expect([Object.keys(bundles), Object.keys(jwtBundles)]).toEqual([[domain], [domain]]);
    expect(certificates(bundles[domain]!).every(({ ca }) => ca)).toBe(true);
    const { keys } = JSON.parse(Buffer.from(jwtBundles[domain]!).toString()) as { keys: Record<string, string>[] };
    expect(keys.length).toBeGreaterThanOrEqual(1);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(key).toMatchObject({ kty: 'EC', use: 'jwt-svid' });
      expect(key['kid']).not.toBe('');
    }
  });

  it('WE-07, WL-15: the same SVID to every connection of one process, another to another process', async () => {
    const [first, second] = [fetchX509Svid(client), fetchX509Svid(client, { connection: 'second' })];
    const other = fetchX509Svid(await mandate.launched('other'));
    const [a, b, c] = (await Promise.all([first.message(), second.message(), other.message()])).map(({ svids }) => svids[0]!);
    expect(serialOf(b!.x509Svid)).toBe(serialOf(a!.x509Svid));
    expect(serialOf(c!.x509Svid)).not.toBe(serialOf(a!.x509Svid));
    expect(Buffer.from(c!.x509SvidKey).equals(Buffer.from(a!.x509SvidKey))).toBe(false);
    expect(c!.spiffeId).toBe(a!.spiffeId);
    for (const call of [first, second, other]) call.cancel();
  });

  const openssl = hasProgram('openssl') ? it : it.skip;
  if (openssl === it.skip) process.stderr.write('skipped: openssl is not installed\n');
  openssl('a leaf that openssl accepts strictly against the exported bundle, and not without it', async () => {
    const call = fetchX509Svid(client);
    const leaf = new X509Certificate((await call.message()).svids[0]!.x509Svid);
    call.cancel();
    const [leafFile, bundleFile] = ['leaf.pem', 'b.pem'].map((name) => path.join(mandate.home, name)) as [string, string];
    writeFileSync(leafFile, leaf.toString());
    writeFileSync(bundleFile, (await mandate.mandate(['bundle', 'export'])).stdout);
    const verify = (...args: string[]) => spawnSync('openssl', ['verify', '-x509_strict', ...args, leafFile], { encoding: 'utf8' });
    expect(verify('-purpose', 'sslserver', '-CAfile', bundleFile).stdout.trim()).toBe(`${leafFile}: OK`);
    expect(verify('-purpose', 'sslclient', '-CAfile', bundleFile).stdout.trim()).toBe(`${leafFile}: OK`);
    expect(verify('-no-CAfile', '-no-CApath', '-no-CAstore').status).not.toBe(0);
  });

  it('WL-03, WL-04, WL-05, WL-09, WL-29, WL-41: a message only where something changed, always the whole state, default first', async () => {
    const call = fetchX509Svid(client);
    const first = await call.message();
    await mandate.rule('unrelated', { id: '/unrelated', match: { 'user.uid': 4242424242 }, priority: 5 });
    await mandate.rule('second', { id: '/agent/{user}/second', priority: -1, hint: 'second' });
    const both = await call.message(2);
    expect(idsOf(both)).toEqual([agentId, `${agentId}/second`]);
    expect(both.svids.map(({ hint }) => hint)).toEqual(['', 'second']);
    expect(serialOf(both.svids[0]!.x509Svid)).toBe(serialOf(first.svids[0]!.x509Svid));
    const tokens = await fetchJwtSvid(client, ['a']).message();
    expect(tokens.svids.map(({ spiffeId, hint }) => [spiffeId, hint])).toEqual([
      [agentId, ''],
      [`${agentId}/second`, 'second'],
    ]);

    await mandate.rule('second', { id: '/agent/{user}/second', priority: 7 });
    expect(idsOf(await call.message(3))).toEqual([`${agentId}/second`, agentId]);
    await mandate.rule('second', { id: '/agent/{user}/second', disabled: true });
    expect(idsOf(await call.message(4))).toEqual([agentId]);
    expect(call.messages).toHaveLength(4);
    call.cancel();
  });

  it('WL-08, WL-09, WL-10, WE-15: PermissionDenied as their end when no identity is left, never OK', async () => {
    const calls = [fetchX509Svid(client), fetchX509Bundles(client), fetchJwtBundles(client)];
    await Promise.all(calls.map((call) => call.message()));
    await mandate.rule('launched', { id: '/agent/{user}', disabled: true });
    for (const call of calls) {
      const { status, message } = await call.ended();
      expect(status).toBe(PERMISSION_DENIED);
      expect(message).toContain('no identity issued');
    }
    expect((await fetchX509Svid(client).refused()).status).toBe(PERMISSION_DENIED);
    await mandate.rule('launched', { id: '/agent/{user}' });
    const again = fetchX509Svid(client);
    expect(idsOf(await again.message())).toEqual([agentId]);
    again.cancel();
  });

  it('WL-04, WL-07: three rotations on one stream, each with a fresh key and serial', async () => {
    await mandate.rule('launched', { id: '/agent/{user}', x509: '8s' }); // half of it is what a busy machine may be late
    const call = fetchX509Svid(await mandate.launched('rotating'));
    const seen: X509SVIDResponse[] = [];
    for (let message = 1; message <= 4; message++) seen.push(await call.message(message));
    const svids = seen.map(({ svids: [svid] }) => svid!);
    expect(new Set(svids.map(({ x509Svid }) => serialOf(x509Svid))).size).toBe(4);
    expect(new Set(svids.map(({ x509SvidKey }) => Buffer.from(x509SvidKey).toString('hex'))).size).toBe(4);
    expect(new Set(svids.map(({ spiffeId }) => spiffeId))).toEqual(new Set([agentId]));
    // Each came while the one before it was still valid.
    const leaves = svids.map(({ x509Svid }) => new X509Certificate(x509Svid));
    for (const [i, leaf] of leaves.slice(1).entries()) {
      expect(Date.parse(leaf.validFrom) + 10_000).toBeLessThan(Date.parse(leaves[i]!.validTo));
    }
    call.cancel();
    await mandate.rule('launched', { id: '/agent/{user}' });
  });

  it('WL-10, WE-12: Unavailable as their end when Mandate ends; the process has its SVID again after the next start', async () => {
    const calls = [fetchX509Svid(client), fetchX509Bundles(client), fetchJwtBundles(client)];
    const before = await calls[0]!.message();
    await Promise.all(calls.map((call) => call.message()));
    await mandate.down();
    for (const call of calls) expect((await call.ended()).status).toBe(UNAVAILABLE);
    expect(await client.heard('first', 'GOAWAY', (line) => line.goaway !== undefined)).toMatchObject({ goaway: 0 });
    await mandate.up();
    const after = fetchX509Svid(client, { connection: 'after' });
    const { svids } = await after.message();
    expect(svids.map(({ spiffeId }) => spiffeId)).toEqual(idsOf(before as X509SVIDResponse));
    expect(Buffer.from(svids[0]!.x509SvidKey).equals(Buffer.from((before as X509SVIDResponse).svids[0]!.x509SvidKey))).toBe(false);
  });
});
