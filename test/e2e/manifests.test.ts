import { generateKeyPairSync } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ManifestAcceptedAnswer, ManifestAnswer, ManifestsAnswer } from '../../src/domain/manifest-answers';
import { schemaOf } from '../cli/schema';
import { type AgentProcess, ownProgram, startAgent } from './agent-process';
import { Installation, MANDATE } from '../running/installation';

jest.setTimeout(120_000);

const uid = String(process.geteuid!());
let mandate: Installation;
let ends: AgentProcess[] = [];
beforeAll(async () => {
  mandate = await Installation.start();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(inHome('key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  writeFileSync(inHome('key.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
});
afterEach(async () => {
  for (const agent of ends) await agent.end();
  ends = [];
});
afterAll(() => mandate.end());

const inHome = (name: string): string => path.join(mandate.home, name);
const start = (program: string, streams: readonly string[]): AgentProcess => {
  const agent = startAgent(mandate, program, streams);
  ends.push(agent);
  return agent;
};

/** Signs by the command that people use, into a file. */
async function sign(file: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await mandate.mandate(['manifest', 'sign', '--key', inHome('key.pem'), ...options]);
  if (code !== 0) throw new Error(stderr);
  writeFileSync(inHome(file), stdout);
  return inHome(file);
}
/** Every answer fits its published schema. */
function fits(schema: string, answer: object): void {
  const valid = schemaOf(schema);
  expect(valid(answer) ? [] : valid.errors).toEqual([]);
}
const ruleBy = (grace: string) => ({
  name: 'claude-code',
  match: { 'user.uid': uid, 'binary.sha256': { manifest: 'claude-code', grace } },
  issue: { id: '/claude-code', jwt: { audiences: '*' } },
});
const events = async () => {
  const rows = await mandate.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind LIKE 'manifest-%' ORDER BY at, id`);
  return rows.map(({ record }) => JSON.parse(record.toString()));
};

test('a rule that names no manifest there is, is refused', async () => {
  const { code, stderr } = await mandate.mandate(['rules', 'apply', mandate.ruleFile(ruleBy('0s'))]);
  expect(code).toBe(1);
  expect(stderr).toContain('there is no manifest of that name');
});

test('a program updated in place: the old process keeps its identity, the new release is accepted, an unknown one is not', async () => {
  const program = ownProgram(mandate, 'claude');
  const first = await sign('v1.json', '--name', 'claude-code', '--release', `1.0=${program.path}`);
  await mandate.json('manifest', 'add', first, '--key', inHome('key.pub'));
  await mandate.apply(ruleBy('1h'));
  const old = start(program.path, ['standing', 'x509']);
  const held = (await old.until('an SVID', ({ event }) => event === 'x509')).svids![0]!;

  // What a self-updater does: the new file takes the place of the running one.
  const update = ownProgram(mandate, 'claude.new');
  renameSync(update.path, program.path);
  const fresh = start(program.path, ['standing']);
  const refused = await fresh.until('a refusal', ({ refusal }) => refusal !== undefined);
  expect(refused.refusal!.conditions).toContainEqual({ selector: 'binary.sha256', holds: false, seen: update.sha256, expected: [] });
  expect(JSON.stringify(refused)).not.toContain('manifest');
  const shown = await mandate.json<ManifestAnswer>('manifest', 'show', 'claude-code');
  fits('manifest', shown);
  const { seen } = shown;
  const shared = { rule: 'claude-code', selector: 'binary.sha256', declared: false, files: null };
  expect(seen).toContainEqual({ ...shared, sha256: program.sha256, standing: 'newest', version: 1, name: '1.0', pids: [old.pid] });
  expect(seen).toContainEqual({ ...shared, sha256: update.sha256, standing: 'refused', version: null, name: null, pids: [fresh.pid] });

  const second = await sign('v2.json', '--from', first, '--drop', '1.0', '--release', `1.1=${program.path}`);
  const accepted = await mandate.json<ManifestAcceptedAnswer>('manifest', 'update', second);
  fits('manifest-accepted', accepted);
  expect(accepted).toMatchObject({ name: 'claude-code', from: 1, to: 2, changed: true, entries: 1 });
  await fresh.until('an identity', ({ event, spiffeIds }) => event === 'standing' && spiffeIds!.length > 0);

  // Left out by the newest statement, in grace: the process that ran all along is asked nothing new and gets tokens as before.
  old.open('jwt');
  const token = await old.until('a token', ({ event }) => event === 'jwt');
  expect(token.svids).toEqual([{ spiffeId: held.spiffeId }]);

  const stranger = start(ownProgram(mandate, 'stranger').path, ['standing']);
  expect(await stranger.until('a refusal', ({ refusal }) => refusal !== undefined)).toMatchObject({ refusal: { code: 'E_NO_RULE' } });

  // Without a grace what was left out ends at once, and only that.
  await mandate.apply(ruleBy('0s'));
  await old.until('the end of its stream', ({ event, stream }) => event === 'ended' && stream === 'x509');
  fresh.open('jwt');
  await fresh.until('a token', ({ event }) => event === 'jwt');
});

test('it only goes forward, and the statement in force once more changes nothing', async () => {
  fits('manifest-verify', await mandate.json('manifest', 'verify', inHome('v2.json')));
  const back = await mandate.mandate(['manifest', 'update', inHome('v1.json')]);
  expect(back.code).toBe(1);
  expect(back.stderr).toContain('E_MANIFEST_ROLLBACK');
  const again = await mandate.json<ManifestAcceptedAnswer>('manifest', 'update', inHome('v2.json'));
  expect(again).toMatchObject({ from: 2, to: 2, changed: false });
  const added = await mandate.mandate(['manifest', 'add', inHome('v2.json'), '--key', inHome('key.pub')]);
  expect([added.code, /E_MANIFEST_EXISTS/.test(added.stderr)]).toEqual([1, true]);
});

test('what another key signed is refused, and so is an agent that administers', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(inHome('other.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const { stdout } = await mandate.mandate([
    'manifest',
    'sign',
    '--key',
    inHome('other.pem'),
    '--name',
    'claude-code',
    '--number',
    '9',
    '--release',
    `x=${MANDATE}`,
  ]);
  writeFileSync(inHome('v9.json'), stdout);
  const update = ['manifest', 'update', inHome('v9.json')];
  expect(await mandate.mandate(update)).toMatchObject({ code: 6, stderr: expect.stringContaining('E_MANIFEST_SIGNATURE') });
  expect(await mandate.mandate(['run', '--', MANDATE, ...update])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('E_AGENT_NOT_ADMIN'),
  });
});

test('every change is on record with who made it and by which process, and nothing else is', async () => {
  const recorded = await events();
  expect(recorded.map(({ kind, data }) => [kind, data.manifest, data.version])).toEqual([
    ['manifest-added', 'claude-code', 1],
    ['manifest-updated', 'claude-code', 2],
  ]);
  for (const { processKey, data } of recorded) {
    expect(processKey).toMatch(/^[0-9a-f-]{36}:\d+/);
    expect(data).toMatchObject({ uid: Number(uid), pid: expect.any(Number), keyId: expect.stringMatching(/^ed25519:[0-9a-f]{64}$/) });
  }
});

test('an installation that is started again has what it had', async () => {
  const before = await mandate.json<ManifestsAnswer>('manifest', 'ls');
  await mandate.down();
  await mandate.up();
  expect(await mandate.json<ManifestsAnswer>('manifest', 'ls')).toEqual(before);
  expect(before.manifests).toMatchObject([{ name: 'claude-code', state: 'in-force', version: 2, rules: ['claude-code'] }]);
});

test('another key: handed over by a statement that both sign, or named by an administrator; and a statement that ends', async () => {
  for (const name of ['second', 'third']) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(inHome(`${name}.pem`), privateKey.export({ format: 'pem', type: 'pkcs8' }));
    writeFileSync(inHome(`${name}.pub`), publicKey.export({ format: 'pem', type: 'spki' }));
  }
  const signBy = async (key: string, file: string, ...rest: string[]): Promise<string> => {
    const { code, stdout, stderr } = await mandate.mandate(['manifest', 'sign', ...rest, '--key', inHome(`${key}.pem`)]);
    if (code !== 0) throw new Error(stderr);
    writeFileSync(inHome(file), stdout);
    return inHome(file);
  };
  const update = (file: string, ...rest: string[]) => mandate.mandate(['manifest', 'update', file, ...rest]);
  const r1 = await signBy('key', 'r1.json', '--name', 'rotating', '--release', `1=${MANDATE}`);
  const { keys } = await mandate.json<ManifestAcceptedAnswer>('manifest', 'add', r1, '--key', inHome('key.pub'));
  const r2 = await signBy('key', 'r2.json', '--from', r1, '--hand-over', inHome('second.pub'));
  expect(await update(r2)).toMatchObject({ code: 6, stderr: expect.stringContaining('E_MANIFEST_SIGNATURE') });
  const handed = await mandate.json<ManifestAcceptedAnswer>('manifest', 'update', await signBy('second', 'r2.json', r2));
  expect(handed).toMatchObject({ to: 2, keysChanged: true, signedBy: keys[0] });
  expect(handed.keys).not.toEqual(keys);

  const old = await signBy('key', 'old.json', '--name', 'rotating', '--number', '3', '--release', `1=${MANDATE}`);
  expect(await update(old)).toMatchObject({ code: 6 });
  const r3 = await signBy('second', 'r3.json', '--name', 'rotating', '--number', '3', '--release', `1=${MANDATE}`);
  expect((await update(r3)).code).toBe(0);
  const r4 = await signBy('third', 'r4.json', '--name', 'rotating', '--number', '4', '--release', `1=${MANDATE}`, '--expires', '1h');
  expect((await update(r4)).code).toBe(6);
  const named = await mandate.json<ManifestAcceptedAnswer>('manifest', 'update', r4, '--key', inHome('third.pub'));
  expect(named).toMatchObject({ to: 4, keysChanged: true, keys: [named.signedBy], expires: expect.any(String) });

  const shown = await mandate.json<ManifestAnswer>('manifest', 'show', 'rotating');
  fits('manifest', shown);
  expect(shown.statements.map(({ version, signedBy }) => [version, signedBy])).toEqual([
    [4, named.signedBy],
    [3, handed.keys[0]],
    [2, keys[0]],
    [1, keys[0]],
  ]);
  const recorded = (await events()).filter(({ data }) => data.manifest === 'rotating').map(({ data }) => data.keys);
  expect(recorded).toEqual([keys, handed.keys, handed.keys, named.keys]);
});
