import { setTimeout as delay } from 'node:timers/promises';
import { readlinkSync } from 'node:fs';
import type { ExplainAnswer } from '../../src/domain/rule-answers';
import { Installation } from '../running/installation';

jest.setTimeout(60_000);

const uid = String(process.geteuid!());
let mandate: Installation;
let pid: number;
beforeAll(async () => {
  mandate = await Installation.start();
  // It never connects, so nothing of it is known before somebody asks.
  pid = mandate.spawn('sleep', ['600'], { stdio: 'ignore' }).pid!;
  while (!readlinkSync(`/proc/${pid}/exe`).endsWith('/sleep')) await delay(5);
});
afterAll(() => mandate.end());

const explain = (): Promise<ExplainAnswer> => mandate.json<ExplainAnswer>('rules', 'explain', '--pid', String(pid));
const apply = (match: object, require: object = {}) => mandate.apply({ name: 'sleeper', match, require, issue: { id: '/sleeper' } });

test('a process that never asked: every selector with its source, and each condition with what was expected', async () => {
  await apply({ 'user.uid': uid, 'binary.sha256': ['00'.repeat(32)] });
  const answer = await explain();
  expect(answer).toMatchObject({ pid, agent: null, identities: [], refusal: { code: 'E_NO_RULE' } });
  const sha256 = answer.facts.find(({ selector }) => selector === 'binary.sha256');
  expect(sha256).toMatchObject({ source: 'binary', assurance: 'measured' });
  expect(answer.facts).toContainEqual({ selector: 'user.uid', value: uid, source: 'user', assurance: 'observed' });
  expect(answer.rules.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['sleeper', 'no-match'],
    ['launched', 'no-match'],
  ]);
  expect(answer.rules[0]!.conditions).toEqual([
    { selector: 'binary.sha256', holds: false, seen: sha256!.value, expected: ['00'.repeat(32)], fault: null },
    { selector: 'user.uid', holds: true, seen: uid, expected: [uid], fault: null },
  ]);
});

test('what it would be given, and what keeps it from that', async () => {
  const { facts } = await explain();
  const { value } = facts.find(({ selector }) => selector === 'binary.sha256')!;
  await apply({ 'binary.sha256': value });
  const given = await explain();
  expect(given).toMatchObject({ refusal: null, identities: [{ rule: 'sleeper', spiffeId: expect.stringMatching(/\/sleeper$/) }] });
  expect(given.rules[0]).toMatchObject({ name: 'sleeper', outcome: 'issues', spiffeId: given.identities[0]!.spiffeId });

  await apply({ 'binary.sha256': value }, { process: 'measured', given: 'launched' });
  const withheld = await explain();
  expect(withheld.refusal).toMatchObject({ code: 'E_ASSURANCE', fix: expect.stringContaining('mandate run') });
  expect(withheld.rules[0]).toMatchObject({
    outcome: 'withheld',
    conditions: [
      { selector: 'binary.sha256', holds: true },
      { selector: 'require.process', holds: true, seen: 'measured', expected: ['measured'] },
      { selector: 'require.given', holds: false, seen: 'implicit', expected: ['launched'] },
    ],
  });
});

test('asking leaves nothing behind: neither an agent nor a refusal', async () => {
  await explain();
  expect(await mandate.query('SELECT 1 FROM agent')).toEqual([]);
  expect(await mandate.query("SELECT 1 FROM event WHERE kind = 'refused'")).toEqual([]);
});

test('no such process', async () => {
  const { code, stderr } = await mandate.mandate(['rules', 'explain', '--pid', '4194303']);
  expect([code, /E_NOT_FOUND/.test(stderr)]).toEqual([7, true]);
});
