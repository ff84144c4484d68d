import { createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AuthoritiesAnswer, AuthorityItem, OrderAnswer } from '../../src/domain/authority-answers';
import type { AuthorityKind, AuthorityStage } from '../../src/domain/authority-row';
import type { X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { MANDATE, SCRIPTED } from '../running/installation';
import { fetchJwtBundles, fetchJwtSvid, fetchX509Svid, validateJwtSvid } from '../workload-api/calls';
import { ServedInstallation } from '../workload-api/served-installation';
import type { WireCall, WireClient } from '../workload-api/wire-client';
import { until } from '../supervision/until';

let mandate: ServedInstallation;

const shown = async (): Promise<readonly AuthorityItem[]> => (await mandate.json<AuthoritiesAnswer>('ca', 'show')).authorities;
const the = async (kind: AuthorityKind, stage: AuthorityStage): Promise<AuthorityItem> =>
  (await shown()).find((item) => item.kind === kind && item.stage === stage)!;
const rootOf = async (keyId: string): Promise<X509Certificate> => {
  const [row] = await mandate.query<{ public: Buffer }>('SELECT public FROM authority WHERE key_id = $1', [keyId]);
  return new X509Certificate(row!.public);
};
/** Reads on until an SVID comes that the root has signed. */
async function signedBy(call: WireCall<typeof X509SVIDResponseSchema>, root: X509Certificate): Promise<{ readonly roots: number }> {
  for (let count = 1; ; count++) {
    const { svids } = await call.message(count);
    const leaf = new X509Certificate(svids[0]!.x509Svid);
    if (!leaf.verify(createPublicKey(root.publicKey.export({ format: 'pem', type: 'spki' })))) continue;
    // What the SVID rests on came with it, or before.
    const bundle = Buffer.from(svids[0]!.bundle);
    expect(bundle.includes(root.raw)).toBe(true);
    return { roots: bundle.length };
  }
}
const refusal = async (...args: string[]): Promise<string> => {
  const { code, stdout } = await mandate.mandate([...args, '-o', 'json']);
  expect(code).not.toBe(0);
  return (JSON.parse(stdout) as { error: { code: string } }).error.code;
};
const fileWith = (name: string, text: string): string => {
  const file = path.join(mandate.home, name);
  writeFileSync(file, text);
  return file;
};
/** The trust bundle as a service has it that reads it now. */
const bundleNow = async (name: string): Promise<string> => fileWith(name, (await mandate.mandate(['bundle', 'export'])).stdout);
/** The newest SVID that came on a stream, as PEM, and whose it is. */
function heldBy(call: WireCall<typeof X509SVIDResponseSchema>): { readonly spiffeId: string; readonly pem: string } {
  const [svid] = call.messages.at(-1)!.svids;
  return { spiffeId: svid!.spiffeId, pem: new X509Certificate(svid!.x509Svid).toString() };
}
const ended: (() => Promise<void>)[] = [];
const client = async (name: string): Promise<WireClient> => {
  const one = await mandate.launched(name);
  ended.push(() => one.kill());
  return one;
};

afterEach(async () => {
  for (const end of ended.splice(0)) await end();
  await mandate.end();
}, 60_000);

describe('with services that read the bundle every five seconds', () => {
  beforeEach(async () => {
    mandate = await ServedInstallation.start({}, `${SCRIPTED}bundle: { refresh_hint: 5s }\n`);
  }, 60_000);

  const AGENTS = 5;
  const STREAMS = 1_000;

  test('XC-14: a taint moves a thousand open streams to another authority at once, and what the old one signed is refused after one refresh', async () => {
    const clients = await Promise.all(Array.from({ length: AGENTS }, (_, index) => client(`moved-${index}`)));
    const calls = clients.flatMap((one) =>
      Array.from({ length: STREAMS / AGENTS }, (_, n) => fetchX509Svid(one, { connection: `c${n % 4}` })),
    );
    const old = await the('x509', 'active');
    const oldRoot = await rootOf(old.keyId);
    await Promise.all(calls.map((call) => signedBy(call, oldRoot)));

    const before = heldBy(calls[0]!);
    const verified = (svid: string, bundle: string) => ['verify', svid, '--bundle', bundle, '--id', before.spiffeId];
    const outdated = fileWith('before.pem', before.pem);
    const bundleBefore = await bundleNow('bundle-before.pem');
    await mandate.json(...verified(outdated, bundleBefore));

    expect(await refusal('ca', 'revoke', old.keyId, '-y')).toBe('E_AUTHORITY_IN_USE');
    const taintedAtMs = Date.now();
    const { authorities } = await mandate.json<OrderAnswer>('ca', 'taint', old.keyId.slice(0, 8), '-y');
    expect(authorities.map(({ stage }) => stage).sort()).toEqual(['active', 'tainted']);
    const root = await rootOf((await the('x509', 'active')).keyId);
    // Rotation alone would take minutes, more than a message is waited for.
    await Promise.all(calls.map((call) => signedBy(call, root)));
    process.stdout.write(`${STREAMS} streams: on another authority ${((Date.now() - taintedAtMs) / 1000).toFixed(1)} s after the order\n`);

    const both = oldRoot.raw.length + root.raw.length;
    for (const call of calls) {
      await until('the end of the old root', () => {
        const bundle = call.messages.at(-1)!.svids[0]!.bundle;
        return bundle.length < both && Buffer.from(bundle).equals(root.raw);
      });
    }
    // A service needs one refresh to refuse what the old one signed, and accepts what replaced it.
    const bundleAfter = await bundleNow('bundle-after.pem');
    await mandate.json(...verified(outdated, bundleBefore));
    expect(await refusal(...verified(outdated, bundleAfter))).toBe('E_NOT_VERIFIED');
    await mandate.json(...verified(fileWith('after.pem', heldBy(calls[0]!).pem), bundleAfter));
    const signers = await mandate.query<{ authority_key_id: string }>(
      "SELECT DISTINCT authority_key_id FROM credential WHERE kind = 'x509-svid' AND issued_at > to_timestamp($1)",
      [(await the('x509', 'active')).activated === null ? 0 : Date.parse((await the('x509', 'active')).activated!) / 1000],
    );
    expect(signers.map((row) => row.authority_key_id)).toEqual([(await the('x509', 'active')).keyId]);
    expect((await shown()).find(({ keyId }) => keyId === old.keyId)).toMatchObject({ stage: 'revoked', published: false });
  }, 120_000);
});

describe('with authorities as they are by default', () => {
  beforeEach(async () => {
    mandate = await ServedInstallation.start();
  }, 60_000);

  test('JS-13: a tainted JWT authority signs no more, and once it is revoked nobody accepts what it signed', async () => {
    const one = await client('tokens');
    const token = async () => (await fetchJwtSvid(one, ['a']).message()).svids[0]!.svid;
    const kid = (jwt: string) => (JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
    const before = await token();
    const bundles = fetchJwtBundles(one);
    await bundles.message();
    await mandate.json('ca', 'taint', kid(before), '-y');
    const after = await token();
    expect(kid(after)).not.toBe(kid(before));
    await bundles.message(2);
    expect((await validateJwtSvid(one, before, 'a').message()).spiffeId).toContain(mandate.trustDomain);
    await mandate.json('ca', 'revoke', kid(before), '-y');
    const published = await bundles.message(3);
    expect(Buffer.from(Object.values(published.bundles)[0]!).toString()).not.toContain(kid(before));
    expect((await validateJwtSvid(one, before, 'a').ended()).code).toBe('E_TOKEN');
  }, 60_000);

  test('what would break verifiers is refused, and every order is on record with who gave it', async () => {
    await mandate.json('ca', 'prepare', 'x509');
    const successor = await the('x509', 'prepared');
    expect(await refusal('ca', 'prepare', 'x509')).toBe('E_AUTHORITY_STAGE');
    expect(await refusal('ca', 'activate', successor.keyId)).toBe('E_AUTHORITY_UNPUBLISHED');
    expect(await refusal('ca', 'activate', 'zzzz')).toBe('E_NOT_FOUND');
    await mandate.json('ca', 'rotate', 'x509');
    expect((await the('x509', 'prepared')).early).toBe(true);
    await mandate.json('ca', 'revoke', successor.keyId, '-y');
    const asAgent = await mandate.mandate(['run', '--', MANDATE, 'ca', 'rotate', '-o', 'json']);
    expect(asAgent.stdout).toContain('E_AGENT_NOT_ADMIN');
    const events = await mandate.query<{ kind: string; record: Buffer }>(
      "SELECT kind, record FROM event WHERE kind LIKE 'authority-%' ORDER BY at, id",
    );
    const orders = events
      .filter(({ kind }) => kind === 'authority-ordered')
      .map(({ record }) => (JSON.parse(record.toString()) as { data: object }).data);
    const who = { uid: process.getuid!(), authorities: ['x509'] };
    expect(orders).toEqual([
      expect.objectContaining({ ...who, order: 'prepare', keyId: null }),
      expect.objectContaining({ ...who, order: 'rotate', keyId: null }),
      expect.objectContaining({ ...who, order: 'revoke', keyId: successor.keyId }),
    ]);
    expect(events.slice(-2).map(({ kind }) => kind)).toEqual(['authority-ordered', 'authority-revoked']);
  }, 60_000);
});

describe('with authorities of a minute', () => {
  const BRIEF = 'authorities: { x509: { lifetime: 60s }, jwt: { lifetime: 60s }, propagation: 3s }\nbundle: { refresh_hint: 2s }\n';
  beforeEach(async () => {
    mandate = await ServedInstallation.start({}, SCRIPTED + BRIEF);
  }, 60_000);

  test('XC-14: the server is killed in each stage of a rotation, which goes on; longer leaves are refused', async () => {
    const long = mandate.ruleFile({ name: 'long', match: { 'user.uid': '4242' }, issue: { id: '/x', x509: { ttl: '11s' } } });
    expect(await refusal('rules', 'apply', long)).toBe('E_AUTHORITY_LIFETIME');
    const one = await client('rotated');
    const call = fetchX509Svid(one);
    const old = await the('x509', 'active');
    await signedBy(call, await rootOf(old.keyId));

    const killed = async (): Promise<void> => {
      const server = (await mandate.json<{ parts: { name: string; pid: number }[] }>('status')).parts.find(
        ({ name }) => name === 'server',
      )!;
      process.kill(server.pid, 'SIGKILL');
      await until('another server', async () => {
        const { code, stdout } = await mandate.mandate(['status', '-o', 'json']);
        return code === 0 && (JSON.parse(stdout) as { ready: boolean }).ready && !stdout.includes(`"pid": ${server.pid},`);
      });
    };
    await mandate.json('ca', 'rotate', 'x509');
    const successor = await the('x509', 'prepared');
    await killed();
    expect((await shown()).find(({ keyId }) => keyId === successor.keyId)).toMatchObject({ early: true });
    const root = await rootOf(successor.keyId);
    await signedBy(call, root);
    await killed();
    expect((await shown()).find(({ keyId }) => keyId === old.keyId)).toMatchObject({ stage: 'retired' });
    await mandate.json('ca', 'taint', successor.keyId, '-y');
    await killed();
    await signedBy(call, await rootOf((await the('x509', 'active')).keyId));
    await until('its revocation', async () => (await shown()).find(({ keyId }) => keyId === successor.keyId)?.stage === 'revoked');
    await killed();
    expect((await shown()).find(({ keyId }) => keyId === successor.keyId)).toMatchObject({ stage: 'revoked', published: false });
  }, 120_000);
});
