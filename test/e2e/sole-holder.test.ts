import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ExplainAnswer } from '../../src/domain/rule-answers';
import { Installation } from '../running/installation';
import { withReadableProcesses } from '../running/readable';
import { type AgentProcess, ownProgram, startAgent } from './agent-process';

jest.setTimeout(120_000);

const PYTHON = '/usr/bin/python3';

let mandate: Installation;
let program: { readonly path: string; readonly sha256: string };
const apply = (require: object = { connection: 'sole' }, issue: object = {}) =>
  mandate.apply({
    name: 'alone',
    match: { 'binary.sha256': program.sha256 },
    require,
    issue: { id: '/alone', jwt: { audiences: ['test'] }, ...issue },
  });

/** Another process that holds every connection of the agent, until it is ended. */
async function holderOf(agent: AgentProcess): Promise<ChildProcess> {
  const holder = mandate.spawn(PYTHON, [path.join(__dirname, 'hold-connections.py'), String(agent.pid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = (await once(holder.stdout!, 'data')) as [Buffer];
  expect(Number(said.toString())).toBeGreaterThan(0);
  return holder;
}

async function letGo(holder: ChildProcess): Promise<void> {
  const ended = once(holder, 'exit');
  holder.stdin!.end();
  await ended;
}

const received = (agent: AgentProcess, event: 'x509' | 'jwt') => agent.until(`an SVID on ${event}`, (one) => one.event === event);
const refused = async (agent: AgentProcess, stream: string) =>
  (await agent.until(`a refusal of ${stream}`, (one) => one.stream === stream && one.refusal !== undefined)).refusal!;
const connection = ({ conditions }: { conditions: readonly { selector: string; seen: string }[] }) =>
  conditions.find(({ selector }) => selector === 'require.connection')?.seen;

withReadableProcesses(__filename, () => {
  beforeAll(async () => {
    mandate = await Installation.start();
    program = ownProgram(mandate, 'agent');
  });
  afterAll(() => mandate.end());

  test('gives SVIDs to a process that does, and the evidence says who holds it', async () => {
    await apply();
    const agent = startAgent(mandate, program.path, ['x509', 'jwt']);
    expect((await received(agent, 'x509')).svids).toMatchObject([{ spiffeId: expect.stringMatching(/\/alone$/) }]);
    expect((await received(agent, 'jwt')).svids).toMatchObject([{ spiffeId: expect.stringMatching(/\/alone$/) }]);
    const { facts, rules } = await mandate.json<ExplainAnswer>('rules', 'explain', '--pid', String(agent.pid));
    expect(facts).toContainEqual({ selector: 'connection.holders', value: 'sole', source: 'connection', assurance: 'observed' });
    expect(connection(rules[0]!)).toBe('sole');
    await agent.end();
  });

  test('refuses where another process holds it too, by its pid, and gives it as soon as that has let go', async () => {
    await apply();
    const agent = startAgent(mandate, program.path, ['x509']);
    await received(agent, 'x509');
    const holder = await holderOf(agent);
    for (const stream of ['x509', 'jwt'] as const) {
      agent.open(stream);
      const refusal = await refused(agent, stream);
      expect(refusal).toMatchObject({ code: 'E_CONNECTION_HOLDERS', rule: 'alone', remedy: 'ask your administrator' });
      expect(connection(refusal)).toBe(`shared with pid ${holder.pid}`);
    }
    const recorded = await mandate.query<{ code: string }>(
      "SELECT code FROM event WHERE kind = 'refused' AND code = 'E_CONNECTION_HOLDERS'",
    );
    expect(recorded).toHaveLength(1);
    await letGo(holder);
    agent.open('x509');
    agent.open('jwt');
    await received(agent, 'x509');
    await received(agent, 'jwt');
    await agent.end();
  });

  test('ends the stream at the next rotation where somebody came to hold it', async () => {
    await apply(undefined, { x509: { ttl: '6s' } });
    const agent = startAgent(mandate, program.path, ['x509']);
    const first = await received(agent, 'x509');
    const holder = await holderOf(agent);
    expect(connection(await refused(agent, 'x509'))).toBe(`shared with pid ${holder.pid}`);
    const [held] = await mandate.query<{ count: string }>("SELECT count(*) FROM credential WHERE replace(serial::text, '-', '') = $1", [
      first.svids![0]!.serial,
    ]);
    expect(held!.count).toBe('1');
    await letGo(holder);
    await agent.end();
  });

  test('leaves what other rules give to the process', async () => {
    await apply();
    await mandate.apply({ name: 'beside', match: { 'binary.sha256': program.sha256 }, issue: { id: '/beside' } });
    const agent = startAgent(mandate, program.path, ['standing']);
    const both = await agent.until('two identities', ({ spiffeIds }) => spiffeIds?.length === 2);
    expect(both.spiffeIds!.map((id) => path.basename(id))).toEqual(['alone', 'beside']);
    const holder = await holderOf(agent);
    agent.open('x509');
    expect((await received(agent, 'x509')).svids!.map(({ spiffeId }) => path.basename(spiffeId))).toEqual(['beside']);
    await letGo(holder);
    await agent.end();
    await mandate.apply({ name: 'beside', disabled: true, match: { 'binary.sha256': program.sha256 }, issue: { id: '/beside' } });
  });

  test('asks for nothing any more once the rule does not', async () => {
    await apply();
    const agent = startAgent(mandate, program.path, ['standing']);
    await agent.until('an identity', ({ spiffeIds }) => spiffeIds?.length === 1);
    const holder = await holderOf(agent);
    await apply({});
    agent.open('x509');
    await received(agent, 'x509');
    const { facts } = await mandate.json<ExplainAnswer>('rules', 'explain', '--pid', String(agent.pid));
    expect(facts.filter(({ source }) => source === 'connection')).toEqual([]);
    await letGo(holder);
    await agent.end();
  });

  test('a process that never connected: that nobody looked is said, and what would be looked at', async () => {
    await apply();
    const agent = startAgent(mandate, program.path, []);
    await agent.until('its start', ({ event }) => event === 'started');
    const { refusal, rules } = await mandate.json<ExplainAnswer>('rules', 'explain', '--pid', String(agent.pid));
    expect(refusal).toMatchObject({ code: 'E_CONNECTION_HOLDERS', fix: expect.stringContaining('when the process itself asks') });
    expect(connection(rules[0]!)).toBe('not looked at');
    await agent.end();
  });
});
