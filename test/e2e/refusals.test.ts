import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { launchAgent, ownProgram, startAgent } from './agent-process';
import { Installation, MANDATE } from '../running/installation';

jest.setTimeout(120_000);

let mandate: Installation;
let trustDomain: string;
beforeAll(async () => {
  mandate = await Installation.start();
  ({ trustDomain } = await mandate.json<{ trustDomain: string }>('status'));
});
afterAll(() => mandate.end());

const PERMISSION_DENIED = 7;

const uid = String(process.geteuid!());
const hashRule = (name: string, sha256: string) => ({
  name,
  match: { 'user.uid': uid, 'binary.sha256': [sha256] },
  issue: { id: `/${name}`, jwt: { audiences: '*' } },
});

describe('a program that no rule knows', () => {
  it('is told why, waits, has its identity when a rule names it, and loses it when the rule is disabled', async () => {
    const program = ownProgram(mandate, 'reporter');
    await mandate.apply(hashRule('reporter', '0'.repeat(64)));
    const agent = startAgent(mandate, program.path, ['standing', 'x509']);

    const refused = await agent.until('a refusal', ({ event }) => event === 'standing');
    expect(refused.refusal).toMatchObject({ code: 'E_NO_RULE', rule: 'reporter', remedy: 'ask your administrator' });
    expect(refused.refusal!.conditions).toEqual([
      { selector: 'binary.sha256', holds: false, seen: program.sha256, expected: [] },
      { selector: 'user.uid', holds: true, seen: uid, expected: [] },
    ]);
    expect(refused.refusal!.saw).toContainEqual({ selector: 'binary.path', value: program.path, assurance: 'observed' });
    const ended = await agent.until('the end of its stream', ({ event }) => event === 'ended');
    expect(ended).toMatchObject({ stream: 'x509', code: PERMISSION_DENIED, refusal: { code: 'E_NO_RULE' } });
    expect(ended.message).toMatch(/^no identity issued/);

    const applied = mandate.apply(hashRule('reporter', program.sha256));
    const standing = await agent.until('an identity', ({ event, spiffeIds }) => event === 'standing' && spiffeIds!.length > 0);
    expect(standing.spiffeIds).toEqual([`spiffe://${trustDomain}/reporter`]);
    await applied;
    agent.open('x509');
    const got = await agent.until('an SVID', ({ event }) => event === 'x509');
    expect(got.svids).toEqual([{ spiffeId: `spiffe://${trustDomain}/reporter`, serial: expect.stringMatching(/^[0-9a-f]{32}$/) }]);

    await mandate.apply({ ...hashRule('reporter', program.sha256), disabled: true });
    const lost = await agent.until('the end of its stream', ({ event, stream }) => event === 'ended' && stream === 'x509');
    expect(lost).toMatchObject({ code: PERMISSION_DENIED, refusal: { code: 'E_NO_RULE' } });
    await agent.until('the loss', ({ event, spiffeIds }) => event === 'standing' && spiffeIds!.length === 0);
    await agent.end();
  });

  it('may ask for many things at once as soon as it is known', async () => {
    const program = ownProgram(mandate, 'eager');
    await mandate.apply(hashRule('eager', program.sha256));
    const agent = startAgent(mandate, program.path, ['x509', ...Array.from({ length: 10 }, () => 'jwt')]);
    const told = [];
    for (let i = 0; i < 11; i++) told.push(await agent.until('an answer', ({ event }) => event !== 'started'));
    expect(told.map(({ event, svids }) => [event, svids?.[0]?.spiffeId]).sort()).toEqual([
      ...Array.from({ length: 10 }, () => ['jwt', `spiffe://${trustDomain}/eager`]),
      ['x509', `spiffe://${trustDomain}/eager`],
    ]);
    await agent.end();
  });

  it('under mandate run, receives its second identity on the stream that it holds', async () => {
    const program = ownProgram(mandate, 'holder');
    const agent = launchAgent(mandate, 'holder', program.path, ['x509']);
    const first = await agent.until('an SVID', ({ event }) => event === 'x509');
    expect(first.svids).toHaveLength(1);
    await mandate.apply({ ...hashRule('holder', program.sha256), priority: 5 });
    const second = await agent.until('two SVIDs', ({ event, svids }) => event === 'x509' && svids!.length === 2);
    expect(second.svids!.map(({ spiffeId }) => spiffeId)).toEqual([`spiffe://${trustDomain}/holder`, first.svids![0]!.spiffeId]);
    expect(second.svids![1]).toEqual(first.svids![0]);

    await mandate.apply({ ...hashRule('holder', program.sha256), disabled: true });
    const back = await agent.until('one SVID', ({ event, svids }) => event === 'x509' && svids!.length === 1);
    expect(back.svids).toEqual(first.svids);
    await agent.end();
  });
});

describe('an agent that tries to administer', () => {
  const refusals = () =>
    mandate.query<{ code: string; record: Buffer; agent_id: string | null }>(
      `SELECT code, record, agent_id FROM event WHERE kind = 'admin-refused' ORDER BY at, id`,
    );
  const inLaunch = (...args: string[]) => mandate.mandate(['run', '--', 'sh', '-c', '"$@"; exit $?', 'sh', MANDATE, ...args]);

  it.each([
    ['rules apply', ['rules', 'apply', 'any.yaml']],
    ['db status', ['db', 'status']],
    ['db psql', ['db', 'psql', '--', '-c', 'select 1']],
    ['db migrate', ['db', 'migrate']],
    ['down', ['down']],
    ['rules ls', ['rules', 'ls']],
    ['rules explain', ['rules', 'explain', '--pid', '1']],
    ['manifest ls', ['manifest', 'ls']],
    ['manifest show', ['manifest', 'show', 'any']],
  ])('%s is refused and recorded', async (verb, args) => {
    writeFileSync(
      path.join(mandate.home, 'any.yaml'),
      'apiVersion: mandate/v1\nkind: Rule\nname: any\nmatch: { user.uid: "1" }\nissue: { id: /any }\n',
    );
    const before = (await refusals()).length;
    const { code, stdout, stderr } = await inLaunch(...args);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain('E_AGENT_NOT_ADMIN');
    expect(stderr).not.toMatch(/fix +mandate/);
    const recorded = (await refusals()).slice(before);
    expect(recorded).toHaveLength(1);
    expect(recorded[0]).toMatchObject({ code: 'E_AGENT_NOT_ADMIN', agent_id: expect.any(String) });
    expect(recorded[0]!.record.toString()).toContain(`"${verb}"`);
  });

  it('sees itself and nobody else', async () => {
    const other = launchAgent(mandate, 'other', process.execPath, ['x509']);
    const { svids } = await other.until('an SVID', ({ event }) => event === 'x509');
    const { agents } = await mandate.json<{ agents: { name: string; pid: number }[] }>('agents', 'ls');
    const { name } = agents.find(({ pid }) => pid === other.pid)!;

    expect(await inLaunch('who', String(other.pid))).toMatchObject({ code: 4 });
    expect(await inLaunch('trace', svids![0]!.serial!)).toMatchObject({ code: 7 });
    expect(await inLaunch('agents', 'show', name)).toMatchObject({ code: 7 });
    const script =
      '"$0" svid -o json >svid.json && "$0" trace "$(sed -n "s/.*\\"serial\\": \\"\\(.*\\)\\".*/\\1/p" svid.json)" && "$0" agents ls';
    const own = await mandate.mandate(['run', '--name', 'curious', '--', 'sh', '-c', script, MANDATE]);
    expect(own).toMatchObject({ code: 0, stderr: '' });
    expect(own.stdout).toContain('curious-');
    expect(own.stdout).not.toContain(name);
    await other.end();
  });
});
