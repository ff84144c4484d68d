import { readFileSync, readlinkSync } from 'node:fs';
import type { WhoAnswer } from '../../src/domain/agent-answers';
import type { RuleAnswer } from '../../src/domain/rule-answers';
import { canonicalRule } from '../../src/domain/rule-canonical';
import type { Rule } from '../../src/domain/rule';
import { parentOf, programOf } from '../supervision/proc';
import { type AgentProcess, launchAgent, ownProgram, startAgent, type ToldRefusal } from './agent-process';
import { Installation } from '../running/installation';

jest.setTimeout(120_000);

let mandate: Installation;
let program: { readonly path: string; readonly sha256: string };
beforeAll(async () => {
  mandate = await Installation.start();
  program = ownProgram(mandate, 'refused');
  // Without the starter rule, the rule of a row is the only one there is.
  await mandate.apply({ name: 'launched', disabled: true, match: { 'launch.id': '*' }, issue: { id: '/agent/{user}' } });
});
afterAll(() => mandate.end());

const PERMISSION_DENIED = 7;
const ADMIN = 'ask your administrator';

/** What a row writes into the rule beside the account and the hash of the program, which hold. */
interface Written {
  readonly match?: Readonly<Record<string, string>>;
  readonly require?: object;
  readonly issue?: object;
}

const applyRow = ({ match, require, issue }: Written) =>
  mandate.apply({
    name: 'row',
    match: { 'user.uid': String(process.geteuid!()), 'binary.sha256': program.sha256, ...match },
    ...(require && { require }),
    issue: { id: '/row', ...issue },
  });

type Stream = 'standing' | 'x509' | 'jwt';
interface Told {
  readonly refusal: ToldRefusal;
  /** All that arrived on all streams as one text, except the facts that the asker is shown of itself. */
  readonly received: string;
}

/** Lets a process ask on these streams, all of which are to be refused alike. */
async function refusedOn(agent: AgentProcess, streams: readonly Stream[]): Promise<Told> {
  const events = [];
  for (const stream of streams)
    events.push(
      await agent.until(
        `a refusal of ${stream}`,
        (event) => (stream === 'standing' ? event.event === stream : event.stream === stream) && event.refusal !== undefined,
      ),
    );
  const refusal = events[0]!.refusal!;
  for (const { event, code, message, refusal: same } of events) {
    expect(same).toEqual(refusal);
    if (event !== 'ended') continue;
    expect(code).toBe(PERMISSION_DENIED);
    expect(message).toMatch(/^no identity issued: .* \(E_[A-Z_]+\)$/);
  }
  expect(refusal.remedy).toBe(ADMIN);
  expect(refusal.conditions.flatMap(({ expected }) => expected)).toEqual([]);
  return { refusal, received: JSON.stringify(events, (name, value: unknown) => (name === 'saw' ? undefined : value)) };
}

const ALL: readonly Stream[] = ['standing', 'x509', 'jwt'];
const ask = (launched: boolean, streams: readonly Stream[]) =>
  launched ? launchAgent(mandate, 'row', program.path, streams) : startAgent(mandate, program.path, streams);

/** What the kernel and the account files say of a process, read by the test itself. */
function seenOf(pid: number, selector: string): string {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const ids = (field: string) => new RegExp(`^${field}:\\t(.*)$`, 'm').exec(status)![1]!.trim().split(/\s+/);
  const named = (file: string, id: string) =>
    readFileSync(file, 'latin1')
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields[2] === id)?.[0];
  const cgroup = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))?.[1] ?? '';
  const [uid, gid] = [ids('Uid')[1]!, ids('Gid')[1]!];
  const seen: Record<string, () => string | undefined> = {
    'user.uid': () => uid,
    'user.gid': () => gid,
    'user.name': () => named('/etc/passwd', uid) ?? `uid-${uid}`,
    'user.group': () => named('/etc/group', gid),
    'user.supplementary_group': () => each(ids('Groups').flatMap((id) => named('/etc/group', id) ?? [])),
    'binary.sha256': () => program.sha256,
    'launch.sha256': () => program.sha256,
    'binary.path': () => readlinkSync(`/proc/${pid}/exe`),
    'launch.path': () => program.path,
    'launch.user': () => named('/etc/passwd', uid) ?? `uid-${uid}`,
    'process.parent': () => programOf(process.pid),
    'process.ancestor': () => each(ancestors(pid)),
    'cgroup.path': () => cgroup,
    'cgroup.unit': () => cgroup.split('/').find((name) => /\.(service|scope)$/.test(name)),
  };
  return seen[selector]?.() ?? '';
}

/** Facts of one kind are a set, and shown in order. */
const each = (values: readonly string[]) => [...new Set(values)].sort().join(', ');

/** Programs of the ancestors; those whose program may not be read say nothing. */
function ancestors(pid: number): string[] {
  const parent = parentOf(pid);
  return parent ? [programOf(parent) ?? [], ancestors(parent)].flat() : [];
}

const OTHER = '11'.repeat(32);
const UNSEEN = '/opt/secret/tool';

interface Row {
  readonly rule: Written;
  readonly code: string;
  readonly selector: string;
  /** Where it is no fact of the process that `seenOf` finds. */
  readonly seen?: string;
  readonly expected: string;
  readonly launched?: true;
}

/** One selector of the rule does not hold. */
const unmatched = (selector: string, expected: string, launched?: true): Row => ({
  rule: { match: { ...(launched && { 'launch.id': '*' }), [selector]: expected } },
  code: 'E_NO_RULE',
  selector,
  expected,
  ...(launched && { launched }),
});
const unmet = (require: object, selector: string, seen: string, expected: string): Row => {
  return { rule: { require }, code: 'E_ASSURANCE', selector, seen, expected };
};
const human = process.getuid!() >= 1000;

const ROWS: Readonly<Record<string, Row>> = {
  uid: unmatched('user.uid', '4111222333'),
  gid: unmatched('user.gid', '4111222333'),
  account: unmatched('user.name', 'nobody-there'),
  group: unmatched('user.group', 'nobodies'),
  'supplementary group': unmatched('user.supplementary_group', 'nobodies'),
  hash: unmatched('binary.sha256', OTHER),
  path: unmatched('binary.path', UNSEEN),
  parent: unmatched('process.parent', UNSEEN),
  ancestor: unmatched('process.ancestor', UNSEEN),
  cgroup: unmatched('cgroup.path', '/secret.slice'),
  unit: unmatched('cgroup.unit', 'secret.service'),
  launch: unmatched('launch.id', '*'),
  'launched program': unmatched('launch.sha256', OTHER, true),
  'path of the launched program': unmatched('launch.path', UNSEEN, true),
  'launching account': unmatched('launch.user', 'nobody-there', true),
  'process assurance': unmet({ process: 'launched' }, 'require.process', 'measured', 'launched'),
  'delegator assurance': unmet({ delegator: 'oidc' }, 'require.delegator', human ? 'os-account' : 'none', 'oidc'),
  'device assurance': unmet({ device: 'tpm' }, 'require.device', 'declared', 'tpm'),
  'way of giving': unmet({ given: ['approved'] }, 'require.given', 'implicit', 'approved'),
  'missing template value': {
    rule: { issue: { id: '/row/{launch.name}' } },
    code: 'E_TEMPLATE_VALUE',
    selector: 'issue.id {launch.name}',
    seen: '',
    expected: 'exactly one path segment',
  },
};

/** What `who` adds for an administrator. */
async function administratorSees(agent: AgentProcess, told: Told): Promise<NonNullable<WhoAnswer['refusal']>> {
  const { facts, refusal } = await mandate.json<WhoAnswer>('who', String(agent.pid));
  expect(facts).toEqual(expect.arrayContaining(told.refusal.saw.map((fact) => ({ ...fact }))));
  expect(refusal).toMatchObject({ code: told.refusal.code, fix: expect.stringMatching(/./) });
  expect(told.received).not.toContain(refusal!.fix);
  return refusal!;
}

async function refusedBecause(agent: AgentProcess, { code, selector, seen = seenOf(agent.pid, selector), expected }: Omit<Row, 'rule'>) {
  const told = await refusedOn(agent, ALL);
  expect(told.refusal).toMatchObject({ code, rule: 'row' });
  expect(told.refusal.conditions.filter(({ holds }) => !holds)).toEqual([{ selector, holds: false, seen, expected: [] }]);
  expect(told.received).not.toContain(expected);

  const { conditions = [] } = await administratorSees(agent, told);
  expect(conditions.filter(({ holds }) => !holds)).toEqual([{ selector, holds: false, seen, expected: [expected] }]);
  await agent.end();
}

describe('a rule that fails for one condition: the asker learns which, and an administrator what was expected', () => {
  it.each(Object.entries(ROWS))('%s', async (_, row) => {
    await applyRow(row.rule);
    await refusedBecause(ask(row.launched === true, ALL), row);
  });

  it('no rule at all', async () => {
    await mandate.apply({ name: 'row', disabled: true, match: { 'user.uid': '0' }, issue: { id: '/row' } });
    const agent = ask(false, ALL);
    const told = await refusedOn(agent, ALL);
    expect(told.refusal).toMatchObject({ code: 'E_NO_RULE', rule: '', conditions: [] });
    expect(await administratorSees(agent, told)).toMatchObject({ conditions: [] });
    await agent.end();
  });

  it('lifetime 0, which no rule file may say and only an edit of the database brings about', async () => {
    const said = { name: 'row', match: { 'user.uid': String(process.geteuid!()) }, issue: { id: '/row', x509: { ttl: 0 } } };
    for (const verb of ['validate', 'apply']) {
      const { code, stdout, stderr } = await mandate.mandate(['rules', verb, mandate.ruleFile(said)]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/rule\.yaml:\d+:\d+.*issue\.x509\.ttl is 0/s);
    }
    await applyRow({});
    const { version } = (await mandate.json<RuleAnswer>('rules', 'show', 'row')).rule;
    const rule: Rule = {
      ...{ name: 'row', priority: 0, disabled: false, match: { 'binary.sha256': [program.sha256] }, require: {} },
      issue: { id: '/row', hint: '', x509TtlSeconds: 0, jwtTtlSeconds: 300, audiences: ['*'] },
    };
    const { canonical, contentSha256 } = canonicalRule(rule);
    await mandate.query(
      `WITH edited AS (INSERT INTO rule_version VALUES ('row', $1, $2, decode($3, 'hex'), 'nobody', now()))
       UPDATE rule SET current = $1 WHERE name = 'row'`,
      [version + 1, canonical, contentSha256],
      'owner',
    );
    // The server reads what is in force with the next change of any rule.
    await mandate.apply({ name: 'another', disabled: true, match: { 'user.uid': '0' }, issue: { id: '/another' } });
    await refusedBecause(ask(false, ALL), { code: 'E_LIFETIME', selector: 'issue.x509.ttl', seen: '0s', expected: 'at least 1s' });
  });
});

describe('an identity without a token: the asker learns which audience is not listed, and an administrator which are', () => {
  it.each([
    ['another audience', ['https://secret.example'], 'E_AUDIENCE', { selector: 'audience', seen: 'test' }],
    ['no audiences', [], 'E_NO_AUDIENCES', { selector: 'issue.jwt.audiences', seen: 'none' }],
  ])('%s', async (_, audiences, code, failed) => {
    await applyRow({ issue: { jwt: { ttl: '5m', ...(audiences.length > 0 && { audiences }) } } });
    const agent = ask(false, ['jwt']);
    const { refusal, received } = await refusedOn(agent, ['jwt']);
    expect(refusal).toMatchObject({ code, rule: 'row', conditions: [{ ...failed, holds: false, expected: [] }] });
    for (const expected of [...audiences, 'at least one']) expect(received).not.toContain(expected);

    const { identities } = await mandate.json<WhoAnswer>('who', String(agent.pid));
    expect(identities).toMatchObject([{ rule: 'row' }]);
    expect(await mandate.json('rules', 'show', 'row')).toMatchObject({ rule: { audiences } });
    await agent.end();
  });
});
