import { MandateError } from '../../src/domain/errors';
import { loadRules, MAX_RULES, readRules } from '../../src/domain/rule-file';
import type { RuleProblem } from '../../src/domain/rule-problem';
import { suggestion } from '../../src/domain/rule-problem';
import { runRuleTests } from '../../src/domain/rule-tests';
import { HASH, issue, match, REFUSED, rule, source } from './rule-cases';
import { STARTER_RULE_FILE, starterRule } from '../../src/domain/starter-rule';

const problemOf = (text: string): RuleProblem => {
  const { problems, rules } = readRules([source(text)]);
  expect(problems.length).toBeGreaterThan(0);
  expect(rules).toEqual([]);
  return problems[0]!;
};

describe('a rule file', () => {
  test('the example of the reference', () => {
    const text = `apiVersion: mandate/v1
kind: Rule
name: claude-code
priority: 100
match:                                    # all must hold; lists mean any-of
  binary.path: [/usr/local/bin/claude, /opt/claude/bin/claude]
  binary.sha256: { file: hashes/claude.txt }
  user.group: [engineers]
require:
  process: measured
  delegator: os-account
issue:
  id: /agent/{user}/claude-code
  x509: { ttl: 15m }
  jwt: { ttl: 5m, audiences: [https://git.acme.example] }
tests:
  - name: an updated binary is refused
    given: { binary.path: /usr/local/bin/claude, binary.sha256: "00…" }
    expect: refused
`;
    const [loaded] = loadRules([source(text)]);
    expect(loaded!.rule).toEqual({
      name: 'claude-code',
      priority: 100,
      disabled: false,
      match: {
        'binary.path': ['/opt/claude/bin/claude', '/usr/local/bin/claude'],
        'binary.sha256': ['00'.repeat(32), HASH],
        'user.group': ['engineers'],
      },
      require: { process: 'measured', delegator: 'os-account' },
      issue: {
        id: '/agent/{user}/claude-code',
        hint: '',
        x509TtlSeconds: 900,
        jwtTtlSeconds: 300,
        audiences: ['https://git.acme.example'],
      },
    });
    expect(loaded).toMatchObject({ file: 'rules.yaml', line: 1, tests: [{ line: 17 }] });
    expect(runRuleTests(loaded!.rule, loaded!.tests)).toMatchObject([{ passed: true, got: 'E_NO_RULE' }]);
  });

  test('RS256 is for some of the audiences, for all, or for any where every audience may be asked for', () => {
    const rs256 = (jwt: string) => loadRules([source(rule(`${match}issue:\n  id: /a\n  jwt: ${jwt}\n`))])[0]!.rule.issue.rs256;
    expect(rs256('{ audiences: [a, b], rs256: [b] }')).toEqual(['b']);
    expect(rs256('{ audiences: [a, b], rs256: "*" }')).toEqual(['*']);
    expect(rs256('{ audiences: "*", rs256: [b, a, b] }')).toEqual(['a', 'b']);
    expect(rs256('{ audiences: [a, b] }')).toBeUndefined();
  });

  test('JS-09: a token lives five minutes where a rule says nothing, and never more than an hour', () => {
    const [loaded] = loadRules([source(rule(match + issue, 'a'))]);
    expect(loaded!.rule.issue.jwtTtlSeconds).toBe(300);
    const jwt = (ttl: string): string => `${match}issue:\n  id: /a\n  jwt: { ttl: ${ttl}, audiences: [a] }\n`;
    expect(loadRules([source(rule(jwt('1h')))])[0]!.rule.issue.jwtTtlSeconds).toBe(3600);
    expect(problemOf(rule(jwt('3601s'))).key).toBe('issue.jwt.ttl');
  });

  test('several documents, comments between, and JSON', () => {
    const json = JSON.stringify({
      apiVersion: 'mandate/v1',
      kind: 'Rule',
      name: 'c',
      match: { 'user.uid': [1000, '1001'] },
      issue: { id: '/c' },
    });
    const { rules, problems } = readRules([
      source(`# first\n${rule(match + issue, 'a')}---\n${rule(match + issue, 'b')}---\n# nothing more\n`),
      source(json, 'c.json'),
    ]);
    expect(problems).toEqual([]);
    expect(rules.map((r) => [r.rule.name, r.file, r.line])).toEqual([
      ['a', 'rules.yaml', 2],
      ['b', 'rules.yaml', 10],
      ['c', 'c.json', 1],
    ]);
    expect(rules[2]!.rule.match).toEqual({ 'user.uid': ['1000', '1001'] });
  });

  test('a manifest stays a name, and a test stands for its hashes by that name', () => {
    const given = (value: string) => `{ name: x, given: { user.uid: 1000, binary.sha256: ${value} }, expect: `;
    const written = `match: { user.uid: 1000, binary.sha256: { manifest: claude-code, grace: 14d } }\n${issue.replace('{user}', 'a')}tests:
  - ${given('{ manifest: claude-code }')} /agent/a }
  - ${given('{ manifest: another }')} refused }
  - ${given(HASH)} E_NO_RULE }\n`;
    const [loaded] = loadRules([source(rule(written))]);
    expect(loaded!.rule.match['binary.sha256']).toEqual({ manifest: 'claude-code', graceSeconds: 14 * 86_400 });
    expect(loaded!.canonical).toContain('"binary.sha256":{"graceSeconds":1209600,"manifest":"claude-code"}');
    expect(runRuleTests(loaded!.rule, loaded!.tests).map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  test('equal content has equal canonical text, however it is written', () => {
    const [a] = loadRules([source(rule('match:\n  user.uid: [1001, 1000, 1000]\nissue: { id: /x }\n'))]);
    const [b] = loadRules([source(rule('issue:\n  id: "/x"\n  x509: { ttl: 900 }\npriority: 0\nmatch: { user.uid: ["1000", 1001] }\n'))]);
    expect(a!.canonical).toBe(b!.canonical);
    expect(a!.contentSha256).toBe(b!.contentSha256);
    expect(JSON.parse(a!.canonical)).toEqual({ v: 1, ...a!.rule }); // nothing of the rule is missing from it
  });

  test.each([
    ['20s', 20],
    ['15m', 900],
    ['1h', 3600],
    ['24h', 86400],
    ['90', 90],
    ['"90"', 90],
    ['1', 1],
  ])('lifetime %s is %p seconds', (written, seconds) => {
    expect(loadRules([source(rule(`${match}issue: { id: /x, x509: { ttl: ${written} } }\n`))])[0]!.rule.issue.x509TtlSeconds).toBe(seconds);
  });
});

describe('a refused file names line, column and key', () => {
  test.each(Object.entries(REFUSED))('%s', (_name, [text, line, column, key, message]) => {
    const problem = problemOf(text);
    expect({ line: problem.line, column: problem.column, key: problem.key }).toEqual({ line, column, key });
    expect(problem.message).toMatch(message);
    const shown = text.split('\n')[line - 1] ?? '';
    if (/^[ -~]*$/.test(shown) && !shown.includes('\\')) expect(problem.excerpt).toBe(shown.trimEnd().slice(0, 160));
    expect(problem.excerpt).toMatch(/^[^\u0000-\u001f\u202e]*$/);
  });

  test('two rules of one name', () => {
    const { problems } = readRules([source(rule(match + issue)), source(rule(match + issue), 'b.yaml')]);
    expect(problems).toMatchObject([{ file: 'b.yaml', key: 'name', message: 'there is another rule a at rules.yaml:1' }]);
  });

  test('every problem of a file at once', () => {
    const { problems } = readRules([source(rule('match:\n  user.uid: x\n  a.b: 1\nissue: { id: y, x509: { ttl: 0 } }\nfoo: 1\n'))]);
    expect(problems.map((p) => p.key).sort()).toEqual(['foo', 'issue.id', 'issue.x509.ttl', 'match.a.b', 'match.user.uid']);
  });

  test('loadRules shows place, line and mark', () => {
    try {
      loadRules([source(rule(`${match}${issue}prioritty: 3\n`))]);
    } catch (error) {
      expect((error as MandateError).code).toBe('E_RULE_INVALID');
      expect((error as MandateError).explanation.saw).toBe(
        'rules.yaml:8:1: unknown key prioritty; did you mean priority?\n      prioritty: 3\n      ^',
      );
    }
    expect.assertions(2);
  });
});

describe('bombs are refused before they cost', () => {
  const laughs = ['a: &a [x, x]', ...[...'bcdefghi'].map((c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]!}, `.repeat(8)}]`)].join('\n');
  test.each([
    ['a billion laughs', laughs, /anchors are not allowed/],
    ['flow lists', '['.repeat(130_000), /nested too deeply/],
    ['flow maps', '{a: '.repeat(60_000), /nested too deeply/],
    ['compact lists', '- '.repeat(130_000), /nested too deeply/],
    ['explicit keys', '? '.repeat(130_000), /nested too deeply/],
    ['indentation', Array.from({ length: 700 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /nested too deeply/],
    ['commas', `[${','.repeat(200_000)}]`, /more than 100000 tokens|not valid YAML/],
    ['documents', '---\n'.repeat(60_000), /more than 1024 documents/],
    ['closing brackets', ']'.repeat(200_000), /not valid YAML/],
    ['comments', '#\n'.repeat(100_000), /more than 100000 tokens/],
    ['duplicate keys', 'a: 1\n'.repeat(14_000), /appears twice/],
    ['size', `# ${'x'.repeat(256 * 1024)}`, /larger than 256 KiB/],
  ])('%s', (_name, text, message) => {
    expect(problemOf(text).message).toMatch(message);
  });

  test(`more than ${MAX_RULES} rules`, () => {
    const text = (from: number): string =>
      Array.from({ length: 501 }, (_, i) => rule('match: {user.uid: 1}\nissue: {id: /x}\n', `r${from + i}`)).join('---\n');
    const { rules, problems } = readRules([source(text(0)), source(text(1000), 'b.yaml')]);
    expect(problems.map((p) => p.message)).toEqual([`more than ${MAX_RULES} rules`]);
    expect(rules).toEqual([]);
  });
});

test.each([
  ['prioritty', ['priority', 'match'], 'priority'],
  ['nmae', ['name', 'match'], 'name'],
  ['NAME', ['name', 'match'], 'name'],
  ['xyzzy', ['name', 'match'], undefined],
  ['x'.repeat(100_000), ['name'], undefined],
])('suggestion for %.20s', (word, allowed, expected) => {
  expect(suggestion(word, allowed)).toBe(expected);
});

describe('the starter rule', () => {
  test('matches launches and nothing else, by its own tests', () => {
    const { rule: starter, tests } = starterRule();
    expect(starter).toMatchObject({
      name: 'launched',
      match: { 'launch.id': ['*'] },
      require: {},
      issue: { id: '/agent/{user}', x509TtlSeconds: 900, jwtTtlSeconds: 300, audiences: ['*'] },
    });
    expect(runRuleTests(starter, tests).map(({ passed, got }) => [passed, got])).toEqual([
      [true, '/agent/ana'],
      [true, '/agent/root'],
      [true, 'E_NO_RULE'],
    ]);
  });

  test('a rule test that does not hold is found', () => {
    const [broken] = loadRules([source(STARTER_RULE_FILE.replace('expect: /agent/ana', 'expect: /agent/bob'))]);
    expect(runRuleTests(broken!.rule, broken!.tests)[0]).toMatchObject({ passed: false, got: '/agent/ana' });
  });
});
