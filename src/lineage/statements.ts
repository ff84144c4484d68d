import type { LineageEntry } from '../domain/lineage';
import { instant, TABLES } from './tables';

/** One statement for a whole batch, and its parameters: JSON arrays of rows, bytes as `\x…`, instants as milliseconds. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * Which of these facts are recorded. The message puts a record of our own after theirs into the write-ahead log, so that the answer waits
 * for the same durability, standbys included, as the commit whose answer was lost.
 */
export const LOOK_UP = `SELECT pg_logical_emit_message(true, 'mandate', 'look up')::text AS position,
  (SELECT coalesce(json_agg(c.serial), '[]') FROM credential c JOIN json_to_recordset($1::json) AS r(id uuid, at bigint)
    ON c.serial = r.id AND c.day = (${instant('r.at')})::date)::text AS credentials,
  (SELECT coalesce(json_agg(e.id), '[]') FROM event e JOIN json_to_recordset($2::json) AS r(id uuid, at bigint)
    ON e.id = r.id AND e.day = (${instant('r.at')})::date)::text AS events`;

/**
 * Tables that are written to together, most often first: each set is a statement that the database keeps prepared. It opens every table
 * that one names, with all its indexes, be there a row for it or not.
 */
const SETS: readonly (readonly string[])[] = [
  ['credential'],
  ['event'],
  ['ended', 'event'],
  ['evidence', 'process', 'credential'],
  ['evidence', 'delegation', 'agent', 'process', 'credential'],
  TABLES.map(({ name }) => name),
];

const prepared = SETS.map((names, at) => {
  const tables = TABLES.filter(({ name }) => names.includes(name));
  const inserts = tables.map(({ insert }, index) => insert(`$${index + 1}`));
  // One statement and so one commit: all inserts but the last stand before it.
  const before = inserts.slice(0, -1).map((insert, index) => `t${index} AS (${insert})`);
  return {
    names: new Set(names),
    tables,
    name: `lineage_3_${at}`,
    text: `${before.length === 0 ? '' : `WITH ${before.join(',\n  ')}\n  `}${inserts.at(-1)!}`,
  };
});

/** The statement that writes a batch, all or nothing. `recordedAtMs` is when it is sent. */
export function statementOf(entries: readonly LineageEntry[], recordedAtMs: number): Statement {
  const rows = new Map<string, string>();
  for (const table of TABLES) {
    const all = entries.flatMap((entry) => table.rows(entry, recordedAtMs) ?? []);
    if (all.length > 0) rows.set(table.name, JSON.stringify(all));
  }
  const { name, text, tables } = prepared.find(({ names }) => [...rows.keys()].every((written) => names.has(written)))!;
  return { name, text, values: tables.map((table) => rows.get(table.name) ?? '[]') };
}
