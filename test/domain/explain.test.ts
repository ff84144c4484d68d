import { audienceDenial } from '../../src/domain/audience';
import { CATALOGUE } from '../../src/domain/errors';
import type { Evidence } from '../../src/domain/evidence';
import { forAsker, MAX_SEEN_FACTS, refusalOf } from '../../src/domain/explain';
import type { Refusal } from '../../src/domain/explain';
import { compileRules, matchRules } from '../../src/domain/match';
import type { MatchContext } from '../../src/domain/match';
import type { RuleVersion } from '../../src/domain/rule';
import { evidence, HASH, LAUNCH, REPORTER, rule, ruleSet } from './samples';

const OTHER = '11'.repeat(32);
const HUMAN: MatchContext = { delegator: 'os-account', given: 'implicit', device: 'declared' };
const REF = '01JD90QX7K';

const refuse = (rules: RuleVersion[], of: Evidence = evidence(), context = HUMAN): Refusal => {
  const { denial } = matchRules(compileRules(ruleSet(...rules), 'td.test'), of, context);
  return refusalOf(denial!, of, REF);
};
const uid = { 'user.uid': ['1000'] };

interface Case {
  readonly refusal: Refusal;
  readonly code: keyof typeof CATALOGUE;
  /** The condition that failed: selector, what was seen, what an administrator sees as expected. */
  readonly failed: readonly [string, string, string] | null;
}

const CASES: Record<string, Case> = {
  uid: { refusal: refuse([rule('r', { 'user.uid': ['4711'] })]), code: 'E_NO_RULE', failed: ['user.uid', '1000', '4711'] },
  account: { refusal: refuse([rule('r', { 'user.name': ['bob'] })]), code: 'E_NO_RULE', failed: ['user.name', 'ana', 'bob'] },
  group: {
    refusal: refuse([rule('r', { ...uid, 'user.group': ['wheel-group'] })]),
    code: 'E_NO_RULE',
    failed: ['user.group', 'ana', 'wheel-group'],
  },
  'supplementary group': {
    refusal: refuse([rule('r', { ...uid, 'user.supplementary_group': ['wheel-group'] })]),
    code: 'E_NO_RULE',
    failed: ['user.supplementary_group', 'docker, engineers', 'wheel-group'],
  },
  hash: { refusal: refuse([rule('r', { ...uid, 'binary.sha256': [OTHER] })]), code: 'E_NO_RULE', failed: ['binary.sha256', HASH, OTHER] },
  path: {
    refusal: refuse([rule('r', { ...uid, 'binary.path': ['/opt/secret/tool'] })]),
    code: 'E_NO_RULE',
    failed: ['binary.path', '/usr/local/bin/reporter', '/opt/secret/tool'],
  },
  launch: {
    refusal: refuse([rule('r', { 'launch.id': ['*'] })]),
    code: 'E_NO_RULE',
    failed: ['launch.id', '', '*'],
  },
  'launched program': {
    refusal: refuse([rule('r', { 'launch.sha256': [OTHER] })], evidence({ ...REPORTER, ...LAUNCH })),
    code: 'E_NO_RULE',
    failed: ['launch.sha256', 'ab'.repeat(32), OTHER],
  },
  'declared name': {
    refusal: refuse([rule('r', { ...uid, 'launch.name': ['hello'] })], evidence({ ...REPORTER, ...LAUNCH })),
    code: 'E_NO_RULE',
    failed: ['launch.name', 'hello (declared)', 'hello'],
  },
  cgroup: {
    refusal: refuse([rule('r', { ...uid, 'cgroup.unit': ['backup.service'] })]),
    code: 'E_NO_RULE',
    failed: ['cgroup.unit', 'session-2.scope', 'backup.service'],
  },
  ancestor: {
    refusal: refuse([rule('r', { ...uid, 'process.ancestor': ['/usr/sbin/sshd'] })]),
    code: 'E_NO_RULE',
    failed: ['process.ancestor', '/usr/bin/zsh, /usr/lib/systemd/systemd', '/usr/sbin/sshd'],
  },
  'missing template value': {
    refusal: refuse([rule('r', uid, {}, { id: '/a/{launch.name}' })]),
    code: 'E_TEMPLATE_VALUE',
    failed: ['issue.id {launch.name}', '', 'exactly one path segment'],
  },
  'unusable template value': {
    refusal: refuse([rule('r', uid, {}, { id: '/a/{user}' })], evidence({ ...REPORTER, 'user.name': 'CORP\\ana' })),
    code: 'E_TEMPLATE_VALUE',
    failed: ['issue.id {user}', 'CORP\\\\ana', 'exactly one path segment'],
  },
  audience: {
    refusal: refusalOf(
      audienceDenial(
        matchRules(compileRules(ruleSet(rule('r', uid, {}, { audiences: ['https://git.test'] })), 'td.test'), evidence(), HUMAN)
          .identities[0]!,
        ['https://other.test'],
      )!,
      evidence(),
      REF,
    ),
    code: 'E_AUDIENCE',
    failed: ['audience', 'https://other.test', 'https://git.test'],
  },
  'no audiences': {
    refusal: refusalOf(
      audienceDenial(matchRules(compileRules(ruleSet(rule('r', uid)), 'td.test'), evidence(), HUMAN).identities[0]!, ['a'])!,
      evidence(),
      REF,
    ),
    code: 'E_NO_AUDIENCES',
    failed: ['issue.jwt.audiences', 'none', 'at least one'],
  },
  'process assurance': {
    refusal: refuse([rule('r', uid, { require: { process: 'measured' } })], evidence({ 'user.uid': '1000' })),
    code: 'E_ASSURANCE',
    failed: ['require.process', 'observed', 'measured'],
  },
  'delegator assurance': {
    refusal: refuse([rule('r', uid, { require: { delegator: 'oidc' } })]),
    code: 'E_ASSURANCE',
    failed: ['require.delegator', 'os-account', 'oidc'],
  },
  'no human': {
    refusal: refuse([rule('r', uid, { require: { delegator: 'os-account' } })], evidence(), { ...HUMAN, delegator: null }),
    code: 'E_ASSURANCE',
    failed: ['require.delegator', 'none', 'os-account'],
  },
  'device assurance': {
    refusal: refuse([rule('r', uid, { require: { device: 'tpm' } })]),
    code: 'E_ASSURANCE',
    failed: ['require.device', 'declared', 'tpm'],
  },
  'way of giving': {
    refusal: refuse([rule('r', uid, { require: { given: ['launched'] } })]),
    code: 'E_ASSURANCE',
    failed: ['require.given', 'implicit', 'launched'],
  },
  'no rule at all': { refusal: refuse([]), code: 'E_NO_RULE', failed: null },
  'lifetime 0': {
    refusal: refuse([rule('r', uid, {}, { x509TtlSeconds: 0 })]),
    code: 'E_LIFETIME',
    failed: ['issue.x509.ttl', '0s', 'at least 1s'],
  },
};

describe.each(Object.entries(CASES))('%s', (_name, { refusal, code, failed }) => {
  test('has its code, what was seen, and the condition that failed', () => {
    expect(refusal).toMatchObject({ code, message: CATALOGUE[code].message, reference: REF });
    expect(refusal.saw).toContainEqual({ selector: 'user.uid', value: '1000', assurance: 'observed' });
    const [condition, ...more] = refusal.conditions.filter((c) => !c.holds);
    expect(more).toEqual([]);
    if (failed === null) {
      expect(condition).toBeUndefined();
      expect(refusal).not.toHaveProperty('rule');
      return;
    }
    expect(condition).toEqual({ selector: failed[0], holds: false, seen: failed[1], expected: [failed[2]] });
    expect(refusal).toMatchObject({ rule: 'r', ruleVersion: 4 });
  });

  test('tells expected values and the remedy to administrators only', () => {
    const told = forAsker(refusal);
    expect(told).not.toHaveProperty('remedy');
    for (const condition of told.conditions) expect(Object.keys(condition).sort()).toEqual(['holds', 'seen', 'selector']);
    expect(told.conditions.map((c) => [c.selector, c.holds, c.seen])).toEqual(refusal.conditions.map((c) => [c.selector, c.holds, c.seen]));
    // Not even by way of some other member: what was expected and not seen stands nowhere in it.
    const seen = JSON.stringify(refusal.saw) + refusal.conditions.map((c) => c.seen).join();
    if (failed !== null && !seen.includes(failed[2])) expect(JSON.stringify(told)).not.toContain(JSON.stringify(failed[2]).slice(1, -1));
    expect(refusal.remedy).toMatch(/./);
    if (failed !== null) expect(JSON.stringify(refusal)).toContain(JSON.stringify(failed[2]));
  });
});

test('what is shown is bounded and printable', () => {
  const hostile = evidence({
    'process.ancestor': Array.from({ length: 200 }, (_, i) => `/\u001b[2J\u202e${i}${'x'.repeat(4000)}`),
    'user.uid': '1000',
  });
  const refusal = refuse([rule('r', { 'process.ancestor': ['/a'], 'user.uid': ['1'] })], hostile);
  expect(refusal.saw.length).toBe(MAX_SEEN_FACTS);
  expect(refusal.saw[0]!.selector).toBe('user.uid');
  expect(JSON.stringify(refusal).length).toBeLessThan(16_000);
  expect(JSON.stringify(refusal)).not.toMatch(/[\u0000-\u001f\u202e]/);
});

test('an asker learns neither the manifest nor its version', () => {
  const refusal = refuse([rule('r', { 'binary.sha256': { manifest: 'claude-code', graceSeconds: 0 } })]);
  expect(JSON.stringify(refusal)).toContain('manifest claude-code');
  expect(JSON.stringify(forAsker(refusal))).not.toContain('manifest');
});
