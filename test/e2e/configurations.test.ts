import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { ManifestAnswer } from '../../src/domain/manifest-answers';
import { schemaOf } from '../cli/schema';
import { Installation } from '../running/installation';
import { type AgentProcess, launchAgent, ownProgram } from './agent-process';

jest.setTimeout(120_000);

const SETTINGS = './.claude/settings.json';
const [GOOD, EDITED] = ['{"permissions":{"deny":["Bash"]}}', '{"permissions":{"allow":["Bash"]}}'];

let mandate: Installation;
let program: { readonly path: string; readonly sha256: string };
let project: string;
const agents: AgentProcess[] = [];

/** What Claude Code is by its path, governed by a settings file in its project that somebody has signed for. */
beforeAll(async () => {
  mandate = await Installation.start();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(inHome('key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  writeFileSync(inHome('key.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
  program = ownProgram(mandate, 'claude');
  project = inHome('project');
  mkdirSync(path.join(project, '.claude'), { recursive: true });
  settings(GOOD);
  await signed('v1.json', '--name', 'settings', '--agent', 'claude-code', '--file', SETTINGS);
  await mandate.json('manifest', 'add', inHome('v1.json'), '--key', inHome('key.pub'));
  // Without the starter rule, which is content with a launch of anything.
  await mandate.apply({ name: 'launched', disabled: true, match: { 'launch.id': '*' }, issue: { id: '/agent/{user}' } });
  await mandate.apply({
    name: 'governed',
    match: { 'binary.sha256': program.sha256, 'agent.config_sha256': { manifest: 'settings' } },
    // Short enough to see a rotation, and long enough for the digest not to be taken from the look before.
    issue: { id: '/governed', x509: { ttl: '14s' } },
  });
});
afterAll(async () => {
  for (const agent of agents) await agent.end();
  await mandate.end();
});

const inHome = (name: string): string => path.join(mandate.home, name);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const settings = (text: string): void => writeFileSync(path.join(project, SETTINGS), text);

async function signed(file: string, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await mandate.mandate(['manifest', 'sign', '--key', inHome('key.pem'), ...options], { cwd: project });
  if (code !== 0) throw new Error(stderr);
  writeFileSync(inHome(file), stdout);
}

function launched(name: string, ...streams: string[]): AgentProcess {
  // In the home of its account: elsewhere it would be governed by files that its environment moved.
  const agent = launchAgent(mandate, name, program.path, streams, { cwd: project, env: { HOME: userInfo().homedir } });
  agents.push(agent);
  return agent;
}

const entitled = (agent: AgentProcess) =>
  agent.until('an identity', ({ event, spiffeIds }) => event === 'standing' && spiffeIds!.length > 0);
const refused = async (agent: AgentProcess) => (await agent.until('a refusal', ({ refusal }) => refusal?.code === 'E_NO_RULE')).refusal!;
const shown = () => mandate.json<ManifestAnswer>('manifest', 'show', 'settings');
const seenOf = async ({ pid }: AgentProcess) => (await shown()).seen.find(({ pids }) => pids.includes(pid))!;

let first: AgentProcess;
let serial: string;

test('an agent that is governed as somebody signed for has its identity', async () => {
  first = launched('first', 'standing');
  const { spiffeIds } = await first.until('an answer', ({ event }) => event === 'standing');
  // What else governs agents of this account is signed for as well, by the names and hashes that the difference tells.
  const { files } = await seenOf(first);
  expect(files).toMatchObject({ removed: [], changed: [] });
  if (files!.added.length > 0) {
    const options = files!.added.flatMap(({ name, sha256: hash }) => ['--file', `${name}=sha256:${hash}`]);
    await signed('v2.json', '--from', inHome('v1.json'), ...options);
    await mandate.json('manifest', 'update', inHome('v2.json'));
    await entitled(first);
  } else expect(spiffeIds).toHaveLength(1);
  first.open('x509');
  serial = (await first.until('an SVID', ({ event }) => event === 'x509')).svids![0]!.serial!;
  expect(await seenOf(first)).toMatchObject({ selector: 'agent.config_sha256', standing: 'newest', declared: false });
});

test('an edited file blocks issuance to the next one, and the difference names it for administrators', async () => {
  settings(EDITED);
  const next = launched('next', 'standing');
  const refusal = await refused(next);
  expect(refusal.conditions).toContainEqual(expect.objectContaining({ selector: 'agent.config_sha256', holds: false, expected: [] }));
  expect(JSON.stringify(refusal)).not.toContain(sha256(GOOD));

  const answer = await shown();
  const valid = schemaOf('manifest');
  expect(valid(answer) ? [] : valid.errors).toEqual([]);
  const changed = [{ name: SETTINGS, before: sha256(GOOD), after: sha256(EDITED) }];
  expect(await seenOf(next)).toMatchObject({ standing: 'refused', declared: false, files: { added: [], removed: [], changed } });
  const { stdout } = await mandate.mandate(['manifest', 'show', 'settings', '--diff']);
  expect(stdout).toContain(`~  ${SETTINGS}  ${sha256(GOOD)} → ${sha256(EDITED)}\n`);
});

test('at its next rotation the one that runs loses its identity, and that is on record', async () => {
  const ended = await first.until('the end of its stream', ({ event, stream }) => event === 'ended' && stream === 'x509');
  expect(ended).toMatchObject({ refusal: { code: 'E_NO_RULE' } });
  const events = await mandate.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind = 'configuration-changed'`);
  expect(events.map(({ record }) => JSON.parse(record.toString()).data)).toMatchObject([{ pid: first.pid }]);
  expect(await seenOf(first)).toMatchObject({ declared: true, files: { changed: [{ name: SETTINGS }] } });

  const trace = await mandate.json('trace', serial);
  const valid = schemaOf('trace');
  expect(valid(trace) ? [] : valid.errors).toEqual([]);
  const [process] = (trace as { hops: { attributes: Record<string, string | null> }[] }).hops;
  expect(process!.attributes).toMatchObject({ configurationAssurance: 'observed', configurationChangedAt: expect.any(String) });
  expect((await mandate.mandate(['trace', serial])).stdout).toContain('its configuration changed');
});

test('what was put back counts for the next one; for the one that saw both it counts no more, also after a restart', async () => {
  settings(GOOD);
  await mandate.down();
  await mandate.up();
  const fresh = launched('fresh', 'standing');
  await entitled(fresh);
  first.open('standing');
  await refused(first);
  expect(await seenOf(first)).toMatchObject({ standing: 'newest', declared: true });
  const events = await mandate.query(`SELECT 1 FROM event WHERE kind = 'configuration-changed'`);
  expect(events).toHaveLength(1);
});
