import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AgentAnswer, WhoAnswer } from '../../src/domain/agent-answers';
import { schemaOf } from '../cli/schema';
import { Installation } from '../running/installation';
import { AGENT, AgentProcess } from './agent-process';

jest.setTimeout(120_000);

let mandate: Installation;
const ends: AgentProcess[] = [];
beforeAll(async () => {
  mandate = await Installation.start();
  // Without the starter rule, which is content with a launch of anything.
  await mandate.apply({ name: 'launched', disabled: true, match: { 'launch.id': '*' }, issue: { id: '/agent/{user}' } });
  await mandate.apply({ name: 'strict', match: { 'launch.id': '*', 'launch.unchanged': true }, issue: { id: '/strict' } });
});
afterAll(async () => {
  for (const agent of ends) await agent.end();
  await mandate.end();
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const PACKAGE = '{"name":"@acme/agent","version":"1.2.0"}';
const LOCK = '{"lockfileVersion":3}';

/** A package of its own, whose entry script does `first` and then is an agent. */
function packaged(name: string, first = ''): { readonly folder: string; readonly script: string; readonly text: string } {
  const folder = path.join(realpathSync(mandate.home), name);
  const script = path.join(folder, 'bin/agent.js');
  const text = `#!${process.execPath}\n${first};require(${JSON.stringify(AGENT)});\n`;
  mkdirSync(path.dirname(script), { recursive: true });
  writeFileSync(script, text, { mode: 0o755 });
  writeFileSync(path.join(folder, 'package.json'), PACKAGE);
  writeFileSync(path.join(folder, 'package-lock.json'), LOCK);
  return { folder, script, text };
}

function launched(name: string, cwd: string, ...command: string[]): AgentProcess {
  const child = mandate.spawn(mandate.program, ['run', '--name', name, '--', ...command], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  const agent = new AgentProcess(child);
  ends.push(agent);
  return agent;
}

const standing = (agent: AgentProcess) => agent.until('its standing', ({ event }) => event === 'standing');
const facts = async (agent: AgentProcess): Promise<string[]> =>
  (await mandate.json<WhoAnswer>('who', String(agent.pid))).facts
    .filter(({ selector }) => /^launch\.(changed|unchanged|script_sha256|package)$/.test(selector))
    .map(({ selector, value }) => `${selector}=${value}`);
const changes = async (): Promise<object[]> =>
  (await mandate.query<{ record: Buffer }>(`SELECT record FROM event WHERE kind = 'launch-changed' ORDER BY at`)).map(
    ({ record }) => (JSON.parse(record.toString()) as { data: object }).data,
  );
function fits(schema: string, answer: object): void {
  const valid = schemaOf(schema);
  expect(valid(answer) ? [] : valid.errors).toEqual([]);
}

describe.each<[string, (script: string) => string[]]>([
  ['by its interpreter', (script) => [process.execPath, script]],
  ['by its #! line', (script) => [script]],
])('a script that is launched %s', (name, command) => {
  test('is measured before it runs, with its package and what governs it, and runs unchanged', async () => {
    const { folder, script, text } = packaged(`whole-${name.length}`);
    writeFileSync(path.join(folder, 'AGENTS.md'), 'be kind');
    const agent = launched('whole', folder, ...command(script), 'standing', 'x509');
    expect((await standing(agent)).spiffeIds).toEqual([expect.stringMatching(/\/strict$/)]);
    expect(await facts(agent)).toEqual([
      'launch.package=npm:@acme/agent@1.2.0',
      `launch.script_sha256=${sha256(text)}`,
      'launch.unchanged=true',
    ]);
    const { serial } = (await agent.until('an SVID', ({ event }) => event === 'x509')).svids![0]!;

    const trace = await mandate.json<{ hops: { kind: string; attributes: object }[] }>('trace', serial!);
    fits('trace', trace);
    const hop = trace.hops.find(({ kind }) => kind === 'launch')!;
    expect(hop.attributes).toMatchObject({
      script,
      scriptSha256: sha256(text),
      package: 'npm:@acme/agent@1.2.0',
      unchanged: 'true',
      changed: '',
    });

    const { agents } = await mandate.json<{ agents: { id: string; pid: number | null }[] }>('agents', 'ls');
    const shown = await mandate.json<AgentAnswer>('agents', 'show', agents.find(({ pid }) => pid === agent.pid)!.id);
    fits('agent', shown);
    expect(shown.launch!.measures).toMatchObject({
      script: { path: script, sha256: sha256(text) },
      package: { name: 'npm:@acme/agent@1.2.0', sha256: sha256(PACKAGE), lockSha256: sha256(LOCK) },
      configuration: { product: 'generic', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await changes()).toEqual([]);
  });
});

test.each<[string, string, string]>([
  ['script', 'a script that is another by the time it asks', `require('fs').appendFileSync(__filename, '//')`],
  ['configuration', 'an agent that is governed by another file by then', `require('fs').writeFileSync('AGENTS.md', 'obey me')`],
])('%s: %s is named, on record, and refused where a rule demands equality', async (part, _name, first) => {
  const { folder, script } = packaged(`other-${part}`, first);
  const before = (await changes()).length;
  const agent = launched(part, folder, process.execPath, script, 'standing');
  const { refusal } = await standing(agent);
  expect(refusal!.conditions.filter(({ holds }) => !holds)).toMatchObject([{ selector: 'launch.unchanged', seen: 'false' }]);
  expect(await facts(agent)).toEqual(expect.arrayContaining([`launch.changed=${part}`, 'launch.unchanged=false']));
  expect((await changes()).slice(before)).toMatchObject([{ pid: agent.pid, changed: [part] }]);
});

test('what starts another program has changed, and whatever that asks is of the same launch', async () => {
  const { folder, script } = packaged('wrapped');
  const agent = launched('wrapped', folder, '/bin/sh', '-c', `exec ${process.execPath} ${script} standing`);
  const { refusal } = await standing(agent);
  expect(refusal).toMatchObject({ code: 'E_NO_RULE' });
  expect(await facts(agent)).toEqual(expect.arrayContaining(['launch.changed=program', 'launch.changed=script', 'launch.unchanged=false']));
});
