import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { X509SVIDRequestSchema, X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { fetchJwtBundles, fetchJwtSvid, fetchX509Bundles, fetchX509Svid, validateJwtSvid } from '../workload-api/calls';
import { type RuleText, ServedInstallation } from '../workload-api/served-installation';
import { SECURITY_HEADER, type WireClient } from '../workload-api/wire-client';

const [INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE] = [3, 7, 8, 12, 14];
/** Of a SPIFFE ID, and of a request before it is looked into. */
const [MAX_BYTES, MAX_MESSAGE] = [2048, 64_000];
/** A placeholder of 16 characters that becomes 64. */
const LONG_VALUE = '/{binary.sha256}';

jest.setTimeout(180_000);

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    sub: string;
    aud: string[];
    iat: number;
    exp: number;
    jti: string;
  };

/** A template whose ID has exactly so many bytes. */
function templateOf(bytes: number, domain: string): string {
  const path = bytes - domain.length;
  const values = Math.floor((path - 2) / 65);
  return `${LONG_VALUE.repeat(values)}/${'x'.repeat(path - 65 * values - 1)}`;
}

describe('what is issued, as it arrives', () => {
  let mandate: ServedInstallation;
  let client: WireClient;
  let domain: string;
  let agentId: string;

  beforeAll(async () => {
    mandate = await ServedInstallation.start();
    client = await mandate.launched('rules');
    domain = `spiffe://${mandate.trustDomain}`;
    agentId = `${domain}/agent/${userInfo().username}`;
  });
  afterAll(() => mandate?.end());

  async function x509() {
    const call = fetchX509Svid(client);
    const message = await call.message();
    call.cancel();
    return message;
  }

  /** Further rules, in force for one test only. */
  async function under(rules: Readonly<Record<string, RuleText>>, run: () => Promise<void>): Promise<void> {
    try {
      for (const [name, rule] of Object.entries(rules)) await mandate.rule(name, rule);
      await run();
    } finally {
      for (const [name, { id }] of Object.entries(rules)) await mandate.rule(name, { id, disabled: true });
    }
  }

  const tokens = async (audience: string[], id = '') => (await fetchJwtSvid(client, audience, id).message()).svids;

  describe('names', () => {
    it('ID-10: an ID of 2048 bytes is issued in both forms, recorded and checked; one of 2049 is not', async () => {
      const [long, longer] = [MAX_BYTES, MAX_BYTES + 1].map((bytes) => ({ id: templateOf(bytes, domain), priority: -1 })) as [
        RuleText,
        RuleText,
      ];
      await under({ long, longer }, async () => {
        const { svids } = await x509();
        expect(svids.map(({ spiffeId }) => spiffeId.length)).toEqual([agentId.length, MAX_BYTES]);
        const { spiffeId, x509Svid } = svids[1]!;
        const leaf = new X509Certificate(x509Svid);
        expect(leaf.subjectAltName).toBe(`URI:${spiffeId}`);
        const [token] = await tokens(['a'], spiffeId);
        expect(claimsOf(token!.svid).sub).toBe(spiffeId);
        expect((await validateJwtSvid(client, token!.svid, 'a').message()).spiffeId).toBe(spiffeId);
        const trace = await mandate.mandate(['trace', leaf.serialNumber.toLowerCase(), '-o', 'json']);
        expect(trace.stdout).toContain(spiffeId);
      });
    });

    it.each<[string, () => string]>([
      ['ID-13: its own path in upper case', () => `${domain}${agentId.slice(domain.length).toUpperCase()}`],
      ['ID-13: its own path cut short', () => agentId.slice(0, -1)],
      ['ID-14: a trust domain that begins with its own', () => agentId.replace(domain, `${domain}.example`)],
      ['ID-14: a trust domain below its own', () => agentId.replace('spiffe://', 'spiffe://sub.')],
      ['ID-19: its own path in another trust domain', () => agentId.replace(domain, 'spiffe://example.org')],
    ])('%s is not the identity of the caller', async (_, id) => {
      expect(await fetchJwtSvid(client, ['a'], id()).refused()).toMatchObject({ status: PERMISSION_DENIED });
    });

    it('ID-15, ID-17, CI-08: every SPIFFE ID that leaves has the one spelling of the trust domain, bundles without a slash', async () => {
      const [x509Bundles, jwtBundles] = [fetchX509Bundles(client), fetchJwtBundles(client)];
      const messages = [await x509Bundles.message(), await jwtBundles.message()];
      for (const call of [x509Bundles, jwtBundles]) call.cancel();
      for (const { bundles } of messages) expect(Object.keys(bundles)).toEqual([domain]);
      const { svids } = await x509();
      const leaf = new X509Certificate(svids[0]!.x509Svid);
      const roots = new X509Certificate(svids[0]!.bundle);
      const printed = [['status'], ['agents', 'ls'], ['rules', 'ls'], ['trace', leaf.serialNumber.toLowerCase()]];
      const said = [
        ...(await Promise.all(printed.map((words) => mandate.mandate([...words, '-o', 'json'])))).map(({ stdout }) => stdout),
        (await mandate.mandate(['status'])).stdout,
        leaf.subjectAltName,
        roots.subjectAltName,
        svids[0]!.spiffeId,
        claimsOf((await tokens(['a']))[0]!.svid).sub,
      ].join('\n');
      const spelt = [...said.matchAll(/spiffe:\/\/[^/\s"',]*/gi)].map(([text]) => text);
      expect(spelt.length).toBeGreaterThan(5);
      expect([...new Set(spelt)]).toEqual([domain]);
      expect(roots.subjectAltName).toBe(`URI:${domain}`);
    });
  });

  describe('certificates', () => {
    it('XL-18: the private key of a process is in no file of the issuer', async () => {
      const { svids } = await x509();
      const key = createPrivateKey({ key: Buffer.from(svids[0]!.x509SvidKey), format: 'der', type: 'pkcs8' });
      const secret = Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url');
      const spelt = [secret, ...(['hex', 'base64', 'base64url'] as const).map((form) => Buffer.from(secret.toString(form)))];
      const files = readdirSync(mandate.state, { recursive: true, withFileTypes: true, encoding: 'utf8' }).filter((entry) =>
        entry.isFile(),
      );
      expect(files.length).toBeGreaterThan(100);
      const found = files.filter(({ parentPath, name }) => {
        const bytes = readFileSync(path.join(parentPath, name));
        return spelt.some((text) => bytes.includes(text));
      });
      expect(found.map(({ name }) => name)).toEqual([]);
    });

    it('XC-07: no authority is shown as an identity: not by the endpoint, not as an SVID', async () => {
      const { svids } = await x509();
      const shown = await presented(mandate.status.bundleUrl);
      for (const leaf of [shown, new X509Certificate(svids[0]!.x509Svid)]) {
        expect(leaf.ca).toBe(false);
        expect(Buffer.from(svids[0]!.bundle).includes(leaf.raw)).toBe(false);
        expect(leaf.subjectAltName).toMatch(/URI:spiffe:\/\/[^/]+\/[^,]+/);
      }
    });

    it('CI-07, CI-17: the bundle has an authority, and there are no revocation lists', async () => {
      const { svids, crl, federatedBundles } = await x509();
      expect(new X509Certificate(svids[0]!.bundle).ca).toBe(true);
      expect([crl, federatedBundles]).toEqual([[], {}]);
    });
  });

  describe('tokens', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `https://${i}.example`);

    it.each<[string, string[], string[]]>([
      ['JS-08, CI-12: all of them, in the order asked for', ['c', 'a', 'b'], ['c', 'a', 'b']],
      ['JS-08: duplicates once, at their first place', ['b', 'a', 'b'], ['b', 'a']],
      ['JS-08: empty ones not at all', ['', 'a', ''], ['a']],
      ['JS-16: as many as libraries take', many(32), many(32)],
    ])('%s', async (_, asked, given) => {
      expect(claimsOf((await tokens(asked))[0]!.svid).aud).toEqual(given);
    });

    it.each<[string, string[]]>([
      ['JS-07: no audience', []],
      ['JS-07, JS-08: only empty ones', ['', '']],
      ['JS-16: more than libraries take', many(33)],
      ['JS-16: more than a token should hold together', many(32).map((audience) => audience.padEnd(257, 'x'))],
      ['JS-16: one that makes a token too long', ['a'.repeat(64 * 1024)]],
    ])('%s gives no token', async (_, asked) => {
      const call = fetchJwtSvid(client, asked);
      expect(await call.refused()).toMatchObject({ status: asked.join('').length > MAX_MESSAGE ? RESOURCE_EXHAUSTED : INVALID_ARGUMENT });
      expect(call.messages).toEqual([]);
    });

    it('JS-16: the longest that is given stays within what libraries take', async () => {
      const longest = many(32).map((audience) => audience.padEnd(256, 'x'));
      const { svid } = (await tokens(longest))[0]!;
      expect(Math.max(...svid.split('.').map((part) => part.length))).toBeLessThanOrEqual(64 * 1024);
    });

    it('JS-06, JS-09, JS-11: it names the process, lives five minutes and is not from the future', async () => {
      const { svid, spiffeId } = (await tokens(['a']))[0]!;
      const { sub, iat, exp } = claimsOf(svid);
      expect([sub, spiffeId]).toEqual([agentId, agentId]);
      expect(iat * 1000).toBeLessThanOrEqual(Date.now());
      expect(exp - iat).toBeLessThanOrEqual(300);
      expect(exp * 1000).toBeGreaterThan(Date.now());
    });

    it('CI-13: each is fresh and has its whole life', async () => {
      const seen = [];
      for (let i = 0; i < 3; i++) seen.push(claimsOf((await tokens(['a']))[0]!.svid));
      expect(new Set(seen.map(({ jti }) => jti)).size).toBe(3);
      expect(seen.map(({ iat, exp }) => exp - iat)).toEqual([300, 300, 300]);
    });
  });

  describe('what libraries of others need', () => {
    it.each(['localhost', '%2Frun%2Fagent.sock'])('CI-01: :authority may be %s', async (authority) => {
      const call = fetchX509Svid(client, { headers: { ...SECURITY_HEADER, ':authority': authority } });
      expect((await call.message()).svids).toHaveLength(1);
      call.cancel();
    });

    it('CI-14: a hint that two rules have is met once', async () => {
      const [first, second] = [-1, -2].map((priority) => ({ id: `/agent/{user}/${priority}`, priority, hint: 'same' })) as [
        RuleText,
        RuleText,
      ];
      await under({ first, second }, async () => {
        const [{ svids }, jwts] = [await x509(), await tokens(['a'])];
        for (const hints of [svids, jwts].map((some) => some.map(({ hint }) => hint))) expect(hints).toEqual(['', 'same', '']);
      });
    });

    it.each(['FetchWITSVID', 'FetchWITBundles'])('CI-15: %s is not served', async (method) => {
      const call = client.call(`/SpiffeWorkloadAPI/${method}`, [X509SVIDRequestSchema, X509SVIDResponseSchema], {});
      expect(await call.refused()).toMatchObject({ status: UNIMPLEMENTED });
    });

    it('CI-16: the address is printed as a unix socket with an absolute path', async () => {
      expect(mandate.status.workloadApi).toMatch(/^unix:\/\/\/[^?#]+$/);
      expect((await mandate.mandate(['status'])).stdout).toContain(mandate.status.workloadApi);
    });

    it('CI-02, CI-03, CI-05: streams end for want of an identity and at the end of Mandate, each with its own code', async () => {
      const denied = fetchX509Svid(client);
      await denied.message();
      await mandate.rule('launched', { id: '/agent/{user}', disabled: true });
      expect((await denied.ended()).status).toBe(PERMISSION_DENIED);
      await mandate.rule('launched', { id: '/agent/{user}' });
      const open = [fetchX509Svid(client), fetchX509Bundles(client), fetchJwtBundles(client)];
      await Promise.all(open.map((call) => call.message()));
      await mandate.down();
      for (const call of open) expect((await call.ended()).status).toBe(UNAVAILABLE);
    });
  });
});

/** The certificate that an HTTPS endpoint shows to whoever asks. */
function presented(url: string): Promise<X509Certificate> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, rejectUnauthorized: false }, () => {
      const shown = socket.getPeerX509Certificate();
      socket.destroy();
      if (shown) resolve(shown);
      else reject(new Error('nothing was shown'));
    });
    socket.once('error', reject);
  });
}
