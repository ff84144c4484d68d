import { readFileSync } from 'node:fs';
import path from 'node:path';
import { guardedFiles } from '../conformance/guard';
import { GUARDS } from '../conformance/guards/all';
import { WITHOUT_GUARD } from '../conformance/guards/none';
import { carryingSuites } from '../conformance/suites';
import { mayBeDeclared, readTable, withGuards } from '../conformance/table';
import { pages, readPage, ROOT } from './markdown';

const page = readFileSync(path.join(ROOT, 'docs/conformance.md'), 'utf8');
const families = readTable(page);
const rules = families.flatMap((family) => family.rules);
const carried = new Set(carryingSuites().flatMap((suite) => [...suite.rules]));

test('the page has every family, each rule once and in order', () => {
  expect(families.map(({ id }) => id)).toEqual(['ID', 'XL', 'XC', 'XV', 'JS', 'JV', 'WS', 'TB', 'WE', 'WL', 'FD', 'OD', 'BR', 'CI']);
  expect(families.map(({ rules: { length } }) => length)).toEqual([22, 19, 14, 34, 18, 18, 16, 30, 20, 52, 34, 10, 7, 18]);
  for (const family of families) {
    const names = family.rules.map(({ id }) => id);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names.every((name) => name.startsWith(family.id))).toBe(true);
  }
});

test('what is declared may be, and what is not claimed is incubating', () => {
  expect(rules.filter((rule) => rule.note?.kind === 'declared' && !mayBeDeclared(rule)).map(({ id }) => id)).toEqual([]);
  const unclaimed = rules.filter(({ note }) => note?.kind === 'not claimed').map(({ id }) => id);
  expect(unclaimed.filter((id) => !/^(WS|BR)-/.test(id))).toEqual(['WL-60', 'WL-61', 'WL-62', 'OD-10']);
});

test('each scenario that stands in for a test is one of the foreign clients', () => {
  const scenarios = readFileSync(path.join(ROOT, 'test/interop/scenarios.mjs'), 'utf8');
  const titles = [...scenarios.matchAll(/\btitle: '([^']+)'/g)].map(([, title]) => title);
  const named = rules.flatMap(({ note }) => (note?.kind === 'interop' ? [note.text] : []));
  expect(named.length).toBeGreaterThan(0);
  for (const text of named) expect(text.split('; ').filter((scenario) => !titles.includes(scenario))).toEqual([]);
});

test('the column of guards is what the guards say (PAGE=1 make conformance writes it)', () => {
  expect(page).toBe(withGuards(page, guardedFiles(GUARDS), WITHOUT_GUARD));
});

describe('guards', () => {
  const edits = GUARDS.flatMap(({ without, patches }) =>
    patches.flatMap(({ file, edits: some }) => some.map(([from]) => [`${without}: ${from.trim()}`, file, from] as const)),
  );

  test.each(edits)('%s is in the source once', (_name, file, from) => {
    expect(readFileSync(path.join(ROOT, file), 'utf8').split(from)).toHaveLength(2);
  });

  test('each names rules that there are, and its own have a test', () => {
    const known = new Set(rules.map(({ id }) => id));
    const named = GUARDS.flatMap((guard) => [...guard.rules, ...(guard.sharedBy ?? [])]);
    expect(named.filter((rule) => !known.has(rule))).toEqual([]);
    expect(GUARDS.flatMap((guard) => guard.rules).filter((rule) => !carried.has(rule))).toEqual([]);
  });
});

test('each rule that has to hold has a guard, or the page says what keeps it instead', () => {
  const held = rules.filter(({ level, note }) => ['MUST', 'SHOULD'].includes(level) && note === undefined);
  const bare = held.filter(({ id }) => !guardedFiles(GUARDS).has(id)).map(({ id }) => id);
  expect(bare).toEqual(Object.keys(WITHOUT_GUARD));
});

test.each(['ID', 'XL', 'XC', 'XV', 'JS', 'JV', 'TB', 'WE', 'WL', 'FD', 'OD', 'CI'])(
  'each rule of %s is tested, declared or judged by foreign clients',
  (family) => {
    const open = rules.filter(({ id, note }) => id.startsWith(family) && !carried.has(id) && note === undefined).map(({ id }) => id);
    expect(open).toEqual([]);
  },
);

test('no title names a rule that the page does not have', () => {
  const known = new Set(rules.map(({ id }) => id));
  const ours = new Set(families.map(({ id }) => id));
  expect([...carried].filter((rule) => ours.has(rule.slice(0, 2)) && !known.has(rule))).toEqual([]);
});

test('JS-18: where a page sends a token, it is a bearer token over TLS, and on no command line', () => {
  const lines = pages().flatMap(({ blocks }) =>
    blocks.flatMap(({ text }) => text.split('\n').filter((line) => /authorization/i.test(line))),
  );
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(line).toMatch(/Authorization: Bearer/);
    expect(line).not.toMatch(/http:\/\/|-H |--header|--oauth2-bearer/);
  }
  expect(readPage('docs/conformance.md').prose.join(' ')).toMatch(/over TLS only/);
});
