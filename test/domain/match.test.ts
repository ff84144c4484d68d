import fc from 'fast-check';
import { algorithmFor, audienceDenial } from '../../src/domain/audience';
import { MandateError } from '../../src/domain/errors';
import { FactIndex, processAssurance } from '../../src/domain/facts';
import { compileRules, judgeRules, matchRules, MAX_IDENTITIES } from '../../src/domain/match';
import type { MatchContext, MatchResult } from '../../src/domain/match';
import type { Evidence } from '../../src/domain/evidence';
import type { RuleVersion } from '../../src/domain/rule';
import { evidence, HASH, LAUNCH, REPORTER, rule, ruleSet } from './samples';

const HUMAN: MatchContext = {
  delegator: 'os-account',
  given: 'launched',
  device: 'declared',
  agentId: '0197a2f0-0000-7000-8000-0000deadbeef',
};
const match = (rules: RuleVersion[], of: Evidence = evidence(), context = HUMAN): MatchResult =>
  matchRules(compileRules(ruleSet(...rules), 'td.test'), of, context);
const ids = (result: MatchResult): string[] => result.identities.map((i) => i.spiffeId);

test('ID-19: an identity is given in the own trust domain, whatever the template says', () => {
  for (const id of ['/spiffe.example.org/x', '/{user}', '/agent/spiffe/example.org'])
    for (const spiffeId of ids(match([rule('a', { 'user.uid': ['1000'] }, {}, { id })])))
      expect(spiffeId).toMatch(/^spiffe:\/\/td\.test\//);
  for (const id of ['spiffe://example.org/x', '//example.org/x', '@example.org/x'])
    expect(() => match([rule('a', { 'user.uid': ['1000'] }, {}, { id })])).toThrow(expect.objectContaining({ code: 'E_RULE_INVALID' }));
});

test('all selectors must hold, the values of one are alternatives', () => {
  const conditions = { 'user.uid': ['999', '1000'], 'binary.sha256': [HASH] };
  const result = match([rule('reporter', conditions, {}, { hint: 'internal', audiences: ['a'] })]);
  expect(result).toMatchObject({
    identities: [
      {
        spiffeId: 'spiffe://td.test/reporter',
        rule: { version: 4 },
        hint: 'internal',
        x509TtlSeconds: 900,
        jwtTtlSeconds: 300,
        audiences: ['a'],
        rs256: [],
      },
    ],
    withheld: [],
    denial: null,
  });
  expect(ids(match([rule('reporter', { ...conditions, 'user.name': ['bob'] })]))).toEqual([]);
});

test('a selector with several facts holds if one of them fits', () => {
  expect(ids(match([rule('a', { 'user.supplementary_group': ['engineers'] })]))).toEqual(['spiffe://td.test/a']);
  expect(ids(match([rule('a', { 'process.ancestor': ['/usr/bin/zsh'] })]))).toEqual(['spiffe://td.test/a']);
});

describe('a declared fact never makes a condition hold', () => {
  const declared = (type: string, value: string): Evidence => evidence({}, { facts: [{ type, value, assurance: 'declared' }] });

  test.each([
    ['an exact value', 'launch.name', 'hello', ['hello']],
    ['any value', 'launch.name', 'hello', ['*']],
    ['a uid that only a hook stated', 'user.uid', '1000', ['1000']],
    ['a hash that only a hook stated', 'binary.sha256', HASH, [HASH]],
    ['a launch that only the process claims', 'launch.id', 'x', ['*']],
  ])('%s', (_name, type, value, values) => {
    const result = match([rule('a', { [type]: values })], declared(type, value));
    expect(result.identities).toEqual([]);
    expect(result.denial!.conditions).toMatchObject([{ selector: type, holds: false, seen: `${value} (declared)` }]);
  });

  test('nor does it lift the process assurance', () => {
    expect(processAssurance(new FactIndex(declared('binary.sha256', HASH)))).toBe('observed');
  });
});

test('* means any value for launch selectors, and nothing but itself elsewhere', () => {
  const rules = [rule('a', { 'launch.id': ['*'] }), rule('b', { 'user.name': ['*'] })];
  expect(ids(match(rules))).toEqual([]);
  expect(ids(match(rules, evidence({ ...REPORTER, ...LAUNCH })))).toEqual(['spiffe://td.test/a']);
  expect(ids(match(rules, evidence({ 'user.name': '*' })))).toEqual(['spiffe://td.test/b']);
});

describe('precedence', () => {
  const any = { 'user.uid': ['1000'] };

  test('priority first, then the name in code units; order of the rule set does not matter', () => {
    const rules = [rule('b', any), rule('B', any), rule('a', any), rule('z', any, { priority: 5 }), rule('m', any, { priority: -5 })];
    const expected = ['z', 'B', 'a', 'b', 'm'].map((n) => `spiffe://td.test/${n}`);
    fc.assert(
      fc.property(fc.shuffledSubarray(rules, { minLength: rules.length }), (order) => {
        expect(ids(match(order))).toEqual(expected);
      }),
    );
  });

  test('of two rules that give one SPIFFE ID the first wins', () => {
    const result = match([rule('a', any, {}, { id: '/x', hint: 'late' }), rule('b', any, { priority: 1 }, { id: '/x', hint: 'early' })]);
    expect(result.identities.map((i) => [i.spiffeId, i.hint])).toEqual([['spiffe://td.test/x', 'early']]);
  });

  test('WL-13: of more identities than clients take the first count', () => {
    const names = Array.from({ length: 105 }, (_, i) => `r${String(i).padStart(3, '0')}`);
    const given = ids(match(names.map((name) => rule(name, any))));
    expect(given).toEqual(names.slice(0, MAX_IDENTITIES).map((name) => `spiffe://td.test/${name}`));
  });

  test('a disabled rule neither matches nor is the closest', () => {
    const result = match([rule('a', any, { disabled: true })]);
    expect(result).toMatchObject({ identities: [], denial: { code: 'E_NO_RULE', rule: null, conditions: [] } });
  });

  test('a rule that gives nothing does not stand in the way of another', () => {
    const result = match([rule('a', any, { priority: 1, require: { process: 'launched' } }), rule('b', any)]);
    expect(ids(result)).toEqual(['spiffe://td.test/b']);
    expect(result.withheld.map((w) => [w.code, w.rule!.rule.name])).toEqual([['E_ASSURANCE', 'a']]);
    expect(result.denial).toBeNull();
  });
});

describe('what a rule requires', () => {
  const any = { 'user.uid': ['1000'] };
  test.each([
    ['process measured, hashed', { process: 'measured' }, {}, REPORTER, true],
    ['process measured, not hashed', { process: 'measured' }, {}, { 'user.uid': '1000' }, false],
    ['process observed, not hashed', { process: 'observed' }, {}, { 'user.uid': '1000' }, true],
    ['process launched, hashed only', { process: 'launched' }, {}, REPORTER, false],
    ['delegator os-account', { delegator: 'os-account' }, {}, REPORTER, true],
    ['delegator oidc', { delegator: 'oidc' }, {}, REPORTER, false],
    ['delegator declared, chain stops', { delegator: 'declared' }, { delegator: null }, REPORTER, false],
    ['no delegator required, chain stops', {}, { delegator: null, given: null }, REPORTER, true],
    ['device tpm', { device: 'tpm' }, {}, REPORTER, false],
    ['device token of x509pop', { device: 'token' }, { device: 'x509pop' }, REPORTER, true],
    ['given launched', { given: ['launched'] }, {}, REPORTER, true],
    ['given launched, is implicit', { given: ['launched', 'approved'] }, { given: 'implicit' }, REPORTER, false],
    ['given implicit, is launched: ways are no ladder', { given: ['implicit'] }, {}, REPORTER, false],
  ] as const)('%s', (_name, require, context, seen, admitted) => {
    const result = match([rule('a', any, { require })], evidence(seen), { ...HUMAN, ...context });
    expect(result.identities.length).toBe(admitted ? 1 : 0);
    if (!admitted) expect(result.denial!.code).toBe('E_ASSURANCE');
  });

  test('a hash that the launcher measured counts as launched', () => {
    const launched = evidence({}, { facts: [{ type: 'binary.sha256', value: HASH, assurance: 'launched' }] });
    expect(processAssurance(new FactIndex(launched))).toBe('launched');
  });
});

test('the closest rule has most conditions holding, then precedence', () => {
  const rules = [
    rule('one', { 'user.uid': ['1000'], 'binary.sha256': ['x'] }),
    rule('three', { 'user.uid': ['1000'], 'user.name': ['ana'], 'binary.path': ['/usr/local/bin/reporter'], 'binary.sha256': ['x'] }),
    rule('none', { 'launch.id': ['*'] }, { priority: 9 }),
    rule('three-too', { 'user.uid': ['1000'], 'user.name': ['ana'], 'user.group': ['ana'], 'binary.sha256': ['x'] }),
  ];
  const { denial } = match(rules);
  expect(denial).toMatchObject({ code: 'E_NO_RULE', rule: { rule: { name: 'three' } } });
  expect(denial!.conditions.map((c) => [c.selector, c.holds])).toEqual([
    ['user.uid', true],
    ['user.name', true],
    ['binary.path', true],
    ['binary.sha256', false],
  ]);
});

test.each([
  ['no condition', rule('a', {})],
  ['a template that is none', rule('a', { 'user.uid': ['1'] }, {}, { id: 'x' })],
])('a stored rule with %s does not compile', (_name, bad) => {
  expect(() => compileRules(ruleSet(bad), 'td.test')).toThrow(MandateError);
});

test('an SPIFFE ID longer than 2048 bytes is withheld', () => {
  const id = `/${'a'.repeat(1000)}/{user}`;
  const result = matchRules(
    compileRules(ruleSet(rule('a', { 'user.uid': ['1000'] }, {}, { id })), `${'t'.repeat(255)}`),
    evidence(),
    HUMAN,
  );
  expect(ids(result)).toHaveLength(1);
  const longer = `/${'a'.repeat(300)}/{user}/${'{host}/'.repeat(6)}x`;
  const values = { ...REPORTER, 'user.name': 'n'.repeat(255), 'host.name': 'h'.repeat(255) };
  const { denial } = matchRules(
    compileRules(ruleSet(rule('a', { 'user.uid': ['1000'] }, {}, { id: longer })), `${'t'.repeat(255)}`),
    evidence(values),
    HUMAN,
  );
  expect(denial!.code).toBe('E_TEMPLATE_VALUE');
});

describe('audiences', () => {
  const identity = (audiences: string[]) => match([rule('a', { 'user.uid': ['1000'] }, {}, { audiences })]).identities[0]!;
  test.each([
    [['a', 'b'], ['a'], undefined],
    [['a', 'b'], ['a', 'b'], undefined],
    [['a'], ['a', 'b'], 'E_AUDIENCE'],
    [['a'], ['A'], 'E_AUDIENCE'],
    [['a'], ['*'], 'E_AUDIENCE'],
    [['a'], [], 'E_AUDIENCE'],
    [['*'], ['anything'], undefined],
    [['*'], [], 'E_AUDIENCE'],
    [[], ['a'], 'E_NO_AUDIENCES'],
    [[], [], 'E_NO_AUDIENCES'],
  ])('rule lists %j, asked for %j: %s', (listed, asked, code) => {
    expect(audienceDenial(identity(listed), asked)?.code).toBe(code);
  });
});

describe('the algorithm of a token', () => {
  const identity = (audiences: string[], rs256?: string[]) =>
    match([rule('a', { 'user.uid': ['1000'] }, {}, { audiences, ...(rs256 && { rs256 }) })]).identities[0]!;
  test.each<[string[], string[] | undefined, string[], string]>([
    [['a', 'b'], undefined, ['a', 'b'], 'ES256'],
    [['a', 'b'], ['b'], ['a'], 'ES256'],
    [['a', 'b'], ['b'], ['b'], 'RS256'],
    [['a', 'b'], ['b'], ['a', 'b'], 'E_AUDIENCE_ALGORITHMS'],
    [['a', 'b'], ['*'], ['a', 'b'], 'RS256'],
    [['*'], ['b', 'c'], ['anything', 'else'], 'ES256'],
    [['*'], ['b', 'c'], ['b', 'c'], 'RS256'],
    [['*'], ['b', 'c'], ['c', 'anything'], 'E_AUDIENCE_ALGORITHMS'],
    [['*'], ['*'], ['anything'], 'RS256'],
    [['a'], ['a'], ['A'], 'E_AUDIENCE'],
  ])('JS-15, OD-06: rule lists %j, RS256 for %j, asked for %j: %s', (audiences, rs256, asked, expected) => {
    const one = identity(audiences, rs256);
    expect(audienceDenial(one, asked)?.code ?? algorithmFor(one, asked)).toBe(expected);
  });

  test('where they differ, which take RS256 is said within bounds', () => {
    const denial = audienceDenial(identity(['*'], ['b']), ['b', 'x'.repeat(600)])!;
    expect(denial.conditions[0]).toMatchObject({ selector: 'issue.jwt.rs256', holds: false, seen: 'RS256 for b, and not for all of them' });
    const long = audienceDenial(identity(['*'], ['y'.repeat(600)]), ['b', 'y'.repeat(600)])!;
    expect(long.conditions[0]!.seen.length).toBeLessThanOrEqual(512);
  });
});

test('matching agrees with its definition on random rules and facts', () => {
  const types = ['user.uid', 'user.name', 'binary.sha256', 'launch.id', 'launch.name'];
  const value = fc.constantFrom('a', 'b', '*');
  const assurance = fc.constantFrom('declared' as const, 'observed' as const, 'measured' as const);
  const fact = fc.record({ type: fc.constantFrom(...types), value, assurance });
  const conditions = fc.dictionary(fc.constantFrom(...types), fc.array(value, { minLength: 1, maxLength: 2 }), { minKeys: 1 });
  fc.assert(
    fc.property(fc.array(fact, { maxLength: 6 }), fc.array(conditions, { maxLength: 5 }), (facts, matches) => {
      const rules = matches.map((m, i) => rule(`r${i}`, m));
      const expected = rules
        .filter((_, i) =>
          Object.entries(matches[i]!).every(([type, values]) =>
            facts.some(
              (f) =>
                f.type === type &&
                f.assurance !== 'declared' &&
                (values.includes(f.value) || (type.startsWith('launch.') && values.includes('*'))),
            ),
          ),
        )
        .map((r) => `spiffe://td.test/${r.rule.name}`);
      const result = match(rules, evidence({}, { facts }));
      expect(ids(result)).toEqual(expected);
      expect(result.denial === null).toBe(expected.length > 0);
    }),
    { numRuns: 1000 },
  );
});

describe('hashes by the name of a manifest', () => {
  const named = rule('a', { 'user.uid': ['1000'], 'binary.sha256': { manifest: 'claude-code', graceSeconds: 60 } });
  const compiled = (admits: readonly string[] | undefined, changesAtMs?: number, expired = false) =>
    compileRules(ruleSet(named), 'td.test', (asked) => {
      expect(asked).toEqual({ manifest: 'claude-code', graceSeconds: 60 });
      return admits && { version: 3, expired, admits: new Set(admits), changesAtMs };
    });
  const matched = (admits: readonly string[] | undefined) => matchRules(compiled(admits), evidence(), HUMAN);

  test('hold where the manifest lists what was measured', () => {
    expect(ids(matched([HASH]))).toEqual(['spiffe://td.test/a']);
    expect(ids(matched(['00'.repeat(32)]))).toEqual([]);
  });

  test('a manifest that is not there admits nothing, and neither does one that nobody looks up', () => {
    expect(matched(undefined).denial?.conditions[1]).toMatchObject({ holds: false, fault: 'not in manifest claude-code' });
    expect(ids(match([named]))).toEqual([]);
  });

  test('a declared hash does not hold, whatever the manifest lists', () => {
    const declared = evidence({ 'user.uid': '1000' }, { facts: [{ type: 'binary.sha256', value: HASH, assurance: 'declared' }] });
    expect(matchRules(compiled([HASH]), declared, HUMAN).identities).toEqual([]);
  });

  test('the refusal names the version for administrators, and no hash of it', () => {
    const [, condition] = matched(['00'.repeat(32)]).denial!.conditions;
    expect(condition).toEqual({
      selector: 'binary.sha256',
      holds: false,
      seen: HASH,
      expected: ['in manifest claude-code v3'],
      fault: 'not in manifest claude-code v3',
    });
  });

  test('and says where it has expired', () => {
    const { denial } = matchRules(compiled([], undefined, true), evidence(), HUMAN);
    expect(denial!.conditions[1]!.fault).toBe('not in manifest claude-code v3 (expired)');
  });

  test('the earliest end of a grace is when the rules change by time alone', () => {
    expect(compiled([HASH], 5_000).changesAtMs).toBe(5_000);
    expect(compiled([HASH]).changesAtMs).toBeUndefined();
    const ends: Record<string, number> = { b: 900, c: 300 };
    const two = ['b', 'c'].map((manifest) => rule(manifest, { 'binary.sha256': { manifest, graceSeconds: 0 } }));
    const both = compileRules(ruleSet(...two), 'td.test', ({ manifest }) => ({
      version: 1,
      expired: false,
      admits: new Set(),
      changesAtMs: ends[manifest],
    }));
    expect(both.changesAtMs).toBe(300);
  });
});

describe('every rule judged by itself', () => {
  const judged = (rules: RuleVersion[], context = HUMAN) =>
    judgeRules(compileRules(ruleSet(...rules), 'td.test'), new FactIndex(evidence()), context);
  const ana = { 'user.name': ['ana'] };

  test('those that give an identity first, then withheld ones, then by how many selectors hold; of equals in precedence', () => {
    const rules = [
      rule('none', { 'user.name': ['bo'], 'user.uid': ['1'] }),
      rule('half', { ...ana, 'user.uid': ['1'] }, { priority: 9 }),
      rule('half-too', { ...ana, 'user.uid': ['2'] }),
      rule('withheld', ana, { require: { delegator: 'oidc' }, priority: 9 }),
      rule('given', ana),
      rule('given-first', ana, { priority: 1 }),
    ];
    expect(judged(rules).map((one) => [one.rule.rule.name, one.outcome])).toEqual([
      ['given-first', 'issues'],
      ['given', 'issues'],
      ['withheld', 'withheld'],
      ['half', 'no-match'],
      ['half-too', 'no-match'],
      ['none', 'no-match'],
    ]);
  });

  test('all that is required is told, met or not, also where a selector fails', () => {
    const require = { process: 'measured', delegator: 'oidc', device: 'declared', given: ['launched'] } as const;
    const [one] = judged([rule('a', { 'user.name': ['bo'] }, { require })]);
    expect(one!.conditions.map(({ selector, holds }) => [selector, holds])).toEqual([
      ['user.name', false],
      ['require.process', true],
      ['require.delegator', false],
      ['require.device', true],
      ['require.given', true],
    ]);
    expect([one!.denial, one!.entitled]).toEqual([null, null]);
  });

  test('what else keeps a rule from giving an identity is told once', () => {
    const [template] = judged([rule('a', ana, {}, { id: '/x/{launch.name}' })]);
    expect(template!.conditions.map(({ selector }) => selector)).toEqual(['user.name', 'issue.id {launch.name}']);
    expect(template!.denial!.code).toBe('E_TEMPLATE_VALUE');
    const [assurance] = judged([rule('a', ana, { require: { delegator: 'oidc' } })]);
    expect(assurance!.conditions.map(({ selector }) => selector)).toEqual(['user.name', 'require.delegator']);
  });

  test('agrees with what matching gives', () => {
    const rules = [rule('a', ana), rule('b', { 'user.name': ['bo'] }), rule('c', ana, { require: { delegator: 'oidc' } })];
    const result = match(rules);
    const all = judged(rules);
    expect(all.flatMap(({ entitled }) => entitled ?? [])).toEqual(result.identities);
    expect(all.flatMap(({ denial }) => denial ?? [])).toEqual(result.withheld);
  });
});

describe('a process that must hold its connection alone', () => {
  const any = { 'user.uid': ['1000'] };
  const alone = rule('alone', any, { require: { connection: 'sole' } });
  const holding = (value: string, pids: readonly string[] = []): Evidence =>
    evidence({ ...REPORTER, 'connection.holders': value, 'connection.other_pid': pids });

  test('does so where the node saw nobody else', () => {
    expect(match([alone], holding('sole'))).toMatchObject({ identities: [{ spiffeId: 'spiffe://td.test/alone' }], unseen: false });
  });

  test.each([
    ['shared', ['41', '42'], 'shared with pid 41, 42'],
    ['in-flight', ['41'], 'in-flight: pid 41'],
    ['unreadable', [], 'unreadable'],
    ['unheld', [], 'unheld'],
    ['a word of a later version', [], 'a word of a later version'],
  ])('does not where it saw %s', (value, pids, seen) => {
    const { identities, denial, unseen } = match([alone], holding(value, pids));
    expect({ identities, unseen }).toEqual({ identities: [], unseen: false });
    expect(denial).toMatchObject({ code: 'E_CONNECTION_HOLDERS', remedy: expect.stringMatching(/./) });
    expect(denial!.conditions.at(-1)).toEqual({ selector: 'require.connection', holds: false, seen, expected: ['sole'] });
  });

  test('a process cannot say so itself', () => {
    const declared = evidence(REPORTER);
    const facts = [...declared.facts, { type: 'connection.holders', value: 'sole', assurance: 'declared' as const }];
    expect(match([alone], { ...declared, facts }).identities).toEqual([]);
  });

  test.each([
    ['nothing else keeps the rule from giving an identity', alone, HUMAN, {}, true],
    ['the rule matches no fact of it', rule('alone', { 'user.uid': ['7'] }, { require: { connection: 'sole' } }), HUMAN, {}, false],
    ['something else is missing too', rule('alone', any, { require: { connection: 'sole', device: 'tpm' } }), HUMAN, {}, false],
    ['the rule is disabled', rule('alone', any, { disabled: true, require: { connection: 'sole' } }), HUMAN, {}, false],
    ['it is delivered to files', alone, HUMAN, { 'launch.delivery': 'files' }, false],
    ['no rule asks', rule('any', any), HUMAN, {}, false],
  ])('it is to be looked at only where that decides: %s', (_what, one, context, more, unseen) => {
    expect(match([one], evidence({ ...REPORTER, ...more }), context).unseen).toBe(unseen);
  });

  test('another identity does not make it needless to look', () => {
    const result = match([alone, rule('any', any)]);
    expect(result).toMatchObject({ identities: [{ spiffeId: 'spiffe://td.test/any' }], denial: null, unseen: true });
    expect(result.withheld[0]!.conditions.at(-1)!.seen).toBe('not looked at');
  });
});
