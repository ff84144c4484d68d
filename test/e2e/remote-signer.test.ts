import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose';
import type { BundleAnswer, StatusAnswer } from '../../src/domain/answers';
import type { AuthoritiesAnswer, AuthorityItem, OrderAnswer } from '../../src/domain/authority-answers';
import { pem } from '../../src/domain/pem';
import { hasProgram, SCRIPTED } from '../running/installation';
import { say, TestSigner } from '../signer/signer';
import { until } from '../supervision/until';
import { fetchJwtSvid, fetchX509Svid } from '../workload-api/calls';
import { ServedInstallation } from '../workload-api/served-installation';

jest.setTimeout(180_000);

/** As root the server has a uid of its own, which cannot be known before the first start: the modes of the socket say who may ask. */
const asRoot = process.getuid?.() === 0;
const LIVES = 'authorities: { propagation: 2s }\nbundle: { refresh_hint: 1s }\n';

let folder: string;
let signer: TestSigner;
let mandate: ServedInstallation;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'm-signer-'));
  signer = await new TestSigner(folder, asRoot ? null : 'a-token-of-this-test').start();
  const token = asRoot ? '' : `, token_file: ${signer.tokenFile}`;
  mandate = await ServedInstallation.start(
    {},
    `${SCRIPTED}${LIVES}keys: { home: remote, remote: { address: "unix:${signer.socket}"${token} } }\n`,
  );
  await mandate.rule('launched', { id: '/agent/{launch.name}', x509: '60s' });
});
afterAll(async () => {
  await mandate?.end();
  await signer?.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  signer.instead = undefined;
  await signer.stop();
  await signer.start();
});

const status = (): Promise<StatusAnswer> => mandate.json<StatusAnswer>('status');
const the = async (kind: string): Promise<AuthorityItem> =>
  (await mandate.json<AuthoritiesAnswer>('ca', 'show')).authorities.find((item) => item.kind === kind && item.stage === 'active')!;
const living = (): string[] => signer.keys.names().filter((name) => signer.keys.describe(name) !== undefined);
const killServer = async (): Promise<void> => {
  const { pid } = (await status()).parts.find(({ name }) => name === 'server')!;
  process.kill(pid!, 'SIGKILL');
  await until('another server', async () => {
    const { code, stdout } = await mandate.mandate(['status', '-o', 'json']);
    if (code !== 0) return false;
    const now = JSON.parse(stdout) as StatusAnswer;
    return now.ready && now.parts.some((part) => part.name === 'server' && part.pid !== pid);
  });
};

test('SVIDs are signed at the signer, and verified by openssl and jose; no key is on this machine', async () => {
  expect((await status()).keys).toBe('remote');
  expect((await mandate.mandate(['status'])).stdout).toContain('keys at a remote signer');
  const keys = path.join(mandate.state, 'server/keys');
  expect(existsSync(keys) ? readdirSync(keys) : []).toEqual([]);
  expect(
    living()
      .map((name) => /-(x509|jwt)-[0-9a-f]{12}$/.exec(name)?.[1])
      .sort(),
  ).toEqual(['jwt', 'x509']);

  const agent = await mandate.launched('signed');
  const { svids } = await fetchX509Svid(agent).message();
  const [leaf, root] = [svids[0]!.x509Svid, svids[0]!.bundle].map((der) => pem('CERTIFICATE', Buffer.from(der)));
  if (hasProgram('openssl')) {
    for (const [name, text] of [
      ['leaf', leaf],
      ['root', root],
    ] as const)
      writeFileSync(path.join(folder, `${name}.pem`), text!);
    const verdict = execFileSync('openssl', [
      'verify',
      '-x509_strict',
      '-CAfile',
      path.join(folder, 'root.pem'),
      path.join(folder, 'leaf.pem'),
    ]);
    expect(verdict.toString()).toMatch(/: OK/);
  }
  const token = (await fetchJwtSvid(agent, ['files']).message()).svids[0]!.svid;
  const { jwks } = await mandate.json<BundleAnswer>('bundle', 'show');
  // What SPIFFE says a key is for is no use that jose knows.
  const published = (jwks as { keys: JWK[] }).keys.map((key) => ({ ...key, use: 'sig' }));
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: published }), { audience: 'files' });
  expect(payload.sub).toBe(`spiffe://${mandate.trustDomain}/agent/signed`);
  await agent.kill();
});

test('while the signer is away holders go on, newcomers are told so, and the server starts; then all goes on without a restart', async () => {
  const holder = await mandate.launched('holder');
  const stream = fetchX509Svid(holder);
  await stream.message();
  await signer.stop();
  const newcomer = await mandate.launched('newcomer');
  expect((await fetchJwtSvid(newcomer, ['files']).ended()).code).toBe('E_SIGNER_DOWN');
  expect((await status()).notes.join('\n')).toContain('E_SIGNER_DOWN');
  await killServer();
  expect((await mandate.json<BundleAnswer>('bundle', 'show')).authorities).toHaveLength(2);
  expect((await fetchJwtSvid(newcomer, ['files']).ended()).code).toBe('E_SIGNER_DOWN');
  await signer.start();
  expect((await fetchJwtSvid(newcomer, ['files']).message()).svids).toHaveLength(1);
  expect((await fetchX509Svid(newcomer).message()).svids).toHaveLength(1);
  expect((await status()).notes.join('\n')).not.toContain('E_SIGNER');
  // Half of its minute later the holder has another SVID on the stream that it opened before.
  await stream.message(2);
  await Promise.all([holder.kill(), newcomer.kill()]);
});

test('an authority is tainted and rotated at the signer; what it had there is gone', async () => {
  const before = await the('x509');
  const { authorities } = await mandate.json<OrderAnswer>('ca', 'taint', before.keyId, '-y');
  expect(authorities.map(({ stage }) => stage).sort()).toEqual(['active', 'tainted']);
  expect(living()).toHaveLength(2);
  const tainted = await the('x509');
  await mandate.json('ca', 'rotate', 'x509');
  await until('the next authority', async () => (await the('x509')).keyId !== tainted.keyId);
  await until('the end of the key before', () => living().length === 2);
  const agent = await mandate.launched('rotated');
  const { svids } = await fetchX509Svid(agent).message();
  const [row] = await mandate.query<{ public: Buffer }>('SELECT public FROM authority WHERE key_id = $1', [(await the('x509')).keyId]);
  expect(new X509Certificate(svids[0]!.x509Svid).checkIssued(new X509Certificate(row!.public))).toBe(true);
  await agent.kill();
});

test('a rule that asks for RS256 has a key made at the signer, and tokens signed with it', async () => {
  await mandate.apply({
    name: 'launched',
    match: { 'launch.id': '*' },
    issue: { id: '/agent/{launch.name}', x509: { ttl: '60s' }, jwt: { audiences: '*', rs256: ['cloud'] } },
  });
  const agent = await mandate.launched('clouded');
  const svid = await until('a token', async () => {
    const { code } = await fetchJwtSvid(agent, ['cloud']).ended();
    return code === '' || code === undefined ? (await fetchJwtSvid(agent, ['cloud']).message()).svids[0]!.svid : undefined;
  });
  const { jwks } = await mandate.json<BundleAnswer>('bundle', 'show');
  const published = (jwks as { keys: JWK[] }).keys.map((key) => ({ ...key, use: 'sig' }));
  const { protectedHeader } = await jwtVerify(svid, createLocalJWKSet({ keys: published }), { audience: 'cloud' });
  expect(protectedHeader.alg).toBe('RS256');
  expect(living().filter((name) => name.includes('-jwt-rs256-'))).toHaveLength(1);
  await agent.kill();
});

test('a signer that signs with another key is found out, and nothing of it is issued or recorded', async () => {
  const agent = await mandate.launched('deceived');
  await fetchX509Svid(agent).message();
  const count = async () => (await mandate.query<{ count: string }>('SELECT count(*) FROM credential'))[0]!.count;
  const before = await count();
  await signer.keys.create('a-key-of-its-own', 'ECDSA_P256_SHA256');
  signer.instead = (request, response) => {
    if (!request.url!.endsWith('/sign')) return signer.usual(request, response);
    say(200, JSON.stringify({ signature: signer.keys.sign('a-key-of-its-own', Buffer.alloc(32)).toString('base64') }))(request, response);
  };
  expect((await fetchJwtSvid(agent, ['files']).ended()).code).toBe('E_SIGNER_ANSWER');
  expect((await status()).notes.join('\n')).toContain('E_SIGNER_ANSWER');
  expect(await count()).toBe(before);
  await agent.kill();
});

test('there is nothing to seal', async () => {
  const file = path.join(mandate.home, 'passphrase');
  writeFileSync(file, 'a passphrase for nothing', { mode: 0o600 });
  for (const verb of ['seal', 'reseal']) {
    const { code, stdout } = await mandate.mandate(['ca', verb, '--passphrase-file', file, '-o', 'json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { error: { code: 'E_KEY_SEAL' } }]);
  }
});

test('without the configuration nothing starts, since the keys are not here', async () => {
  await mandate.down();
  writeFileSync(mandate.configFile, `${SCRIPTED}${LIVES}`);
  const { code, stdout } = await mandate.mandate(['up', '-o', 'json']);
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { error: { code: 'E_KEY_FILE' } }]);
});
