import type { Guard } from './guard';
import { about, faultsOf } from './guard-off';
import type { TestResult } from './jest-run';
import { familyText, summary } from './print';
import type { Suite } from './suites';
import { readTable } from './table';
import { rulesIn, rulesOf } from './titles';
import { judge, unknownRules } from './verdict';

const PAGE = `## Names (ID)
| rule | level | what it asks | guard | note |
|---|---|---|---|---|
| ID-01 | MUST | it begins somewhere | \`src/a.ts\` | – |
| ID-02 | MAY | it may end | – | declared: it does not |
| ID-03 | MUST/d | our own | – | declared: not done |
| ID-04 | SHOULD | it should | – | declared: we would rather not |
| ID-05 | MUST/i | libraries need it | – | interop: a scenario |
| ID-06 | MUST | not ours | – | not claimed: incubating |
`;
const [family] = readTable(PAGE);
const ruleOf = (id: string) => family!.rules.find((rule) => rule.id === id)!;
const ran = (state: TestResult['state'], ...rules: string[]): TestResult => ({
  file: 'test/a.test.ts',
  title: `${rules.join(', ')}: x`,
  rules,
  state,
});

test.each([
  [['ID-01: x'], ['ID-01']],
  [
    ['a group', 'ID-01, XL-02: x'],
    ['ID-01', 'XL-02'],
  ],
  [
    ['XL-02: a group', 'ID-01: x'],
    ['XL-02', 'ID-01'],
  ],
  [['XL-02: a group', 'XL-02: x'], ['XL-02']],
  [['x (ID-01)', 'ID-01 x', 'ID-1: x', 'ID-01 to ID-03: x', 'as ID-01: x'], []],
])('the titles %j carry %j', (titles, rules) => expect(rulesOf(titles)).toEqual(rules));

test('a source carries what stands at the beginning of its texts', () => {
  expect(rulesIn("it('ID-01, ID-02: x')\n[`XL-03: y`]\n// JS-04: no\n'see TB-01: no'")).toEqual(['ID-01', 'ID-02', 'XL-03']);
});

test.each<[string, TestResult[], string, boolean]>([
  ['ID-01', [ran('passed', 'ID-01')], 'ok', false],
  ['ID-01', [ran('passed', 'ID-01', 'ID-02'), ran('failed', 'ID-01')], 'failed', true],
  ['ID-01', [ran('passed', 'ID-01'), ran('skipped', 'ID-01')], 'ok', false],
  ['ID-01', [ran('skipped', 'ID-01')], 'skipped here', true],
  ['ID-01', [ran('passed', 'ID-02')], 'no test', true],
  ['ID-02', [], 'declared', false],
  ['ID-02', [ran('failed', 'ID-02')], 'failed', true],
  ['ID-03', [], 'declared', false],
  ['ID-04', [], 'no test', true],
  ['ID-05', [], 'interop', false],
  ['ID-05', [ran('failed', 'ID-05')], 'failed', true],
  ['ID-06', [], 'not claimed', false],
])('%s after %j is %s', (id, tests, verdict, bad) => {
  expect(judge(ruleOf(id), tests)).toMatchObject({ verdict, bad });
});

test('a row that is none, a level and a note that are none are refused', () => {
  for (const row of ['| ID-07 | MUST | x | – |', '| ID-07 | OUGHT | x | – | – |', '| ID-07 | MUST | x | – | because |'])
    expect(() => readTable(`${PAGE}${row}\n`)).toThrow('docs/conformance.md');
});

test('rules of the table are told from those of nobody', () => {
  expect(unknownRules([family!], [ran('passed', 'ID-01', 'ID-99', 'NT-01')])).toEqual(['ID-99']);
});

test('what is printed names each rule, its tests, and what is wrong', () => {
  const judged = family!.rules.map((rule) => judge(rule, [ran('passed', 'ID-01'), ran('failed', 'ID-01')]));
  const text = familyText(family!, judged);
  expect(text).toMatch(/^Names \(ID\)\n {2}✗ ID-01 {2}MUST .*test\/a\.test\.ts +2 tests, 1 FAILED\n {6}failed: ID-01: x\n {2}· ID-02/);
  expect(summary(judged)).toContain('✗ ID-01  failed\n✗ ID-04  no test');
});

describe('without a guard', () => {
  const guard: Guard = { without: 'x', rules: ['ID-01'], sharedBy: ['ID-02'], patches: [] };
  const faults = (...tests: TestResult[]) => faultsOf(guard, { tests, broken: [] });

  test('its rule has to fail', () => {
    expect(faults(ran('failed', 'ID-01'))).toEqual([]);
    expect(faults(ran('passed', 'ID-01'))).toEqual(['no test of ID-01 fails without it']);
    expect(faults(ran('skipped', 'ID-01'))).toEqual(['no test of ID-01 fails without it']);
  });

  test('what rests on it may fail, and so may what proves no rule', () => {
    expect(faults(ran('failed', 'ID-01'), ran('failed', 'ID-02'), ran('failed'))).toEqual([]);
    expect(faults(ran('failed', 'ID-01'), ran('failed', 'NT-03'))).toEqual([]);
    expect(faults(ran('failed', 'ID-01'), ran('failed', 'ID-03'))).toEqual(['ID-03 fails with it: ID-03: x']);
  });

  test('a suite that does not run shows nothing', () => {
    const broken = [{ file: 'test/a.test.ts', why: '\nSyntaxError\n' }];
    expect(faultsOf(guard, { tests: [ran('failed', 'ID-01')], broken })).toEqual(['test/a.test.ts does not run without it: SyntaxError']);
  });
});

test('a guard is looked for by the suites that name its source, or carry its rule and come to it, and do not start the program', () => {
  const suite = (file: string, more: Partial<Record<'rules' | 'near' | 'sources', string>> & { starts?: boolean }): Suite => {
    const set = (text = '') => new Set(text.split(' '));
    const near = set(more.near);
    return {
      file,
      rules: set(more.rules),
      near,
      sources: new Set([...near, ...set(more.sources)]),
      starts: more.starts === true,
      database: false,
    };
  };
  const suites = [
    suite('about it', { rules: 'ID-09', near: 'src/a.ts' }),
    suite('by way of others', { rules: 'ID-01', sources: 'src/a.ts' }),
    suite('far', { rules: 'ID-09', sources: 'src/a.ts' }),
    suite('elsewhere', { rules: 'ID-01', near: 'src/b.ts' }),
    suite('starts it', { rules: 'ID-01 ID-02', near: 'src/a.ts', starts: true }),
  ];
  const out = (rules: string): string[] =>
    about({ without: 'x', rules: rules.split(' '), patches: [{ file: 'src/a.ts', edits: [] }] }, suites).map(({ file }) => file);
  expect(out('ID-01')).toEqual(['about it', 'by way of others']);
  expect(out('ID-02')).toEqual(['about it']);
});
