import type { LineageEntry } from '../../src/domain/lineage';
import { statementOf } from '../../src/lineage/statements';
import { credential, delegation, event, evidence, id } from './lineage-rows';

const tables = (entries: readonly LineageEntry[]): string[] =>
  [...statementOf(entries, 0).text.matchAll(/INSERT INTO (\w+)/g)].map(([, table]) => table!);
const one: LineageEntry = { fact: { credential: credential() } };
const other: LineageEntry = { fact: { event: event() } };

const newcomer: LineageEntry = { ...one, evidence: [evidence('boot:1')], delegations: [delegation(id(), null)] };

test.each<[string, readonly LineageEntry[], string[]]>([
  ['a renewal', [{ ...one, evidence: [], processes: [] }], ['credential']],
  ['an event', [other], ['event']],
  ['a newcomer', [newcomer], ['evidence', 'delegation', 'agent', 'process', 'credential']],
  ['renewals and a newcomer', [one, newcomer, one], ['evidence', 'delegation', 'agent', 'process', 'credential']],
])('%s names only tables that such entries have rows for', (_, entries, expected) => {
  expect(tables(entries)).toEqual(expected);
  expect(statementOf(entries, 0).values).toHaveLength(expected.length);
});

test('whatever comes together has a place for each of its rows', () => {
  const { text, values } = statementOf([one, other, newcomer], 0);
  const at = tables([one, other, newcomer]).map((table, index) => [table, (JSON.parse(values[index]!) as unknown[]).length]);
  expect(text).toContain(`$${values.length}::json`);
  expect(Object.fromEntries(at)).toMatchObject({ credential: 2, event: 1, evidence: 1, delegation: 1, device: 0, launch: 0 });
});

test('a prepared name stands for one text', () => {
  const batches = [[one], [other], [one, other], [newcomer], [one, one]];
  const statements = batches.map((entries) => statementOf(entries, 0));
  expect(new Set(statements.map(({ name }) => name)).size).toBe(new Set(statements.map(({ text }) => text)).size);
});
