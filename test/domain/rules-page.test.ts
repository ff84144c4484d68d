import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GIVEN, LADDERS } from '../../src/domain/assurance';
import { loadRules, readRules } from '../../src/domain/rule-file';
import { runRuleTests } from '../../src/domain/rule-tests';
import { SELECTORS } from '../../src/domain/selectors';
import { PLACEHOLDERS } from '../../src/domain/template';
import { issue, match, rule, source } from './rule-cases';

const page = readFileSync(join(__dirname, '../../docs/rules.md'), 'utf8');
const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/rule.schema.json'), 'utf8'));
const rows = page.split('\n').flatMap((line) => (line.startsWith('| ') ? [line.slice(2, -2).split(' | ')] : []));
const rowOf = (key: string): string[] => rows.find(([first]) => first === `\`${key}\``)!;

test('the table of selectors is the list of the matcher', () => {
  const listed = rows.filter(([first]) => /^`[a-z]+\.[a-z0-9_]+`$/.test(first!) && !/^`(require|issue)\./.test(first!));
  expect(listed).toEqual(SELECTORS.map((s) => [`\`${s.type}\``, s.form, s.strength, s.meaning]));
});

test('every placeholder is listed', () => {
  const listed = rows.flatMap(([first]) => /^`\{([a-z]+)\}`$/.exec(first!)?.[1] ?? []);
  expect(listed).toEqual([...PLACEHOLDERS, 'selector']);
});

test('every field of the schema is listed, and every word of a ladder', () => {
  const { properties } = schema;
  const fields = [
    ...Object.keys(properties).filter((key) => !['require', 'issue'].includes(key)),
    ...Object.keys(properties.require.properties).map((key) => `require.${key}`),
    ...['id', 'hint', 'x509.ttl', 'jwt.ttl', 'jwt.audiences', 'jwt.rs256', 'federates_with'].map((key) => `issue.${key}`),
  ];
  for (const field of fields) expect([field, rowOf(field)?.length]).toEqual([field, 4]);
  const words = (key: string): string[] => [...rowOf(key)[1]!.matchAll(/`([a-z0-9-]+)`/g)].map((m) => m[1]!);
  expect(words('require.process')).toEqual(LADDERS.process);
  expect(words('require.delegator')).toEqual(LADDERS.delegator);
  expect(words('require.device')).toEqual(LADDERS.device);
  expect(words('require.given')).toEqual(GIVEN);
});

test('the example loads and its tests hold', () => {
  const example = /```yaml\n([^]*?)```/.exec(page)![1]!;
  const [loaded] = loadRules([source(example)]);
  expect(runRuleTests(loaded!.rule, loaded!.tests).every((outcome) => outcome.passed)).toBe(true);
});

describe('bounds are the ones the page states', () => {
  const accepts = (text: string): boolean => readRules([source(text)]).problems.length === 0;
  const x509 = (ttl: string): string => rule(`${match}issue: { id: /x, x509: { ttl: ${ttl} } }\n`);
  const jwt = (rest: string): string => rule(`${match}issue: { id: /x, jwt: { ${rest} } }\n`);
  const list = (count: number, of: (i: number) => unknown): string => JSON.stringify(Array.from({ length: count }, (_, i) => of(i)));
  test.each([
    ['name of 63', rule(match + issue, 'a'.repeat(63)), rule(match + issue, 'a'.repeat(64))],
    ['priority of a million', rule(`${match}${issue}priority: 1000000\n`), rule(`${match}${issue}priority: 1000001\n`)],
    ['X.509 lifetime of a day', x509('24h'), x509('86401')],
    ['X.509 lifetime of a second', x509('1s'), x509('0s')],
    ['JWT lifetime of an hour', jwt('ttl: 60m'), jwt('ttl: 61m')],
    [
      '64 audiences with RS256',
      jwt(`audiences: "*", rs256: ${list(64, (i) => `a${i}`)}`),
      jwt(`audiences: "*", rs256: ${list(65, (i) => `a${i}`)}`),
    ],
    ['64 audiences', jwt(`audiences: ${list(64, (i) => `a${i}`)}`), jwt(`audiences: ${list(65, (i) => `a${i}`)}`)],
    [
      '256 values',
      rule(`match: { user.uid: ${list(256, (i) => i)} }\n${issue}`),
      rule(`match: { user.uid: ${list(257, (i) => i)} }\n${issue}`),
    ],
    [
      '16 selectors',
      rule(`match:\n  user.uid: 1\n${manySelectors(15)}${issue}`),
      rule(`match:\n  user.uid: 1\n${manySelectors(16)}${issue}`),
    ],
    ['template of 1024', rule(`${match}issue: { id: /${'a'.repeat(1023)} }\n`), rule(`${match}issue: { id: /${'a'.repeat(1024)} }\n`)],
    [
      'hint of 64',
      rule(`${match}issue: { id: /x, hint: ${'h'.repeat(64)} }\n`),
      rule(`${match}issue: { id: /x, hint: ${'h'.repeat(65)} }\n`),
    ],
    [
      '50 foreign trust domains',
      rule(`${match}issue: { id: /x, federates_with: ${list(50, (i) => `d${i}`)} }\n`),
      rule(`${match}issue: { id: /x, federates_with: ${list(51, (i) => `d${i}`)} }\n`),
    ],
    [
      '64 tests',
      rule(`${match}${issue}tests: ${list(64, () => ({ name: 'x', given: {}, expect: 'refused' }))}\n`),
      rule(`${match}${issue}tests: ${list(65, () => ({ name: 'x', given: {}, expect: 'refused' }))}\n`),
    ],
  ])('%s', (_name, within, beyond) => {
    expect([accepts(within), accepts(beyond)]).toEqual([true, false]);
  });

  function manySelectors(count: number): string {
    const texts = SELECTORS.filter((s) => ['text', 'path'].includes(s.form)).slice(0, count);
    if (texts.length < count) throw new Error('too few selectors for this test');
    return texts.map((s) => `  ${s.type}: /x\n`).join('');
  }
});
