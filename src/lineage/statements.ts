import { measuresText } from '../domain/launch-measures';
import { confinementWord } from '../domain/confinement';
import type { LineageEntry } from '../domain/lineage';

/** One statement for a whole batch, and its parameters: JSON arrays of rows, bytes as `\x…`, instants as milliseconds. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

const instant = (column: string) => `to_timestamp(${column} / 1000.0)`;

const hex = (bytes: Buffer): string => `\\x${bytes.toString('hex')}`;
const digest = (text: string | null): string | null => (text === null ? null : `\\x${text}`);

/** Each table's insert from a parameter, and the rows that an entry brings for it. */
interface Table {
  readonly name: string;
  readonly insert: (parameter: string) => string;
  readonly rows: (entry: LineageEntry, recordedAtMs: number) => readonly object[] | undefined;
}

/**
 * In the order in which they name each other. Rows that two entries may both bring, as when a new process asks for two things at once,
 * are kept as they came first.
 */
const TABLES: readonly Table[] = [
  {
    name: 'device',
    insert: (rows) => `INSERT INTO device (id, machine_id, hostname, os, kernel, assurance, first_seen_at)
    SELECT id, machine, hostname, os, kernel, assurance, ${instant('seen')} FROM json_to_recordset(${rows}::json)
      AS r(id uuid, machine text, hostname text, os text, kernel text, assurance text, seen bigint) ON CONFLICT DO NOTHING`,
    rows: ({ devices }) =>
      devices?.map((d) => ({
        id: d.id,
        machine: d.machineId,
        hostname: d.hostname,
        os: d.os,
        kernel: d.kernel,
        assurance: d.assurance,
        seen: d.firstSeenAtMs,
      })),
  },
  {
    name: 'person',
    insert: (rows) => `INSERT INTO person (id, kind, name, uid, device_id, first_seen_at)
    SELECT id, kind, name, uid, device, ${instant('seen')} FROM json_to_recordset(${rows}::json)
      AS r(id uuid, kind text, name text, uid bigint, device uuid, seen bigint) ON CONFLICT DO NOTHING`,
    rows: ({ persons }) =>
      persons?.map((p) => ({ id: p.id, kind: p.kind, name: p.name, uid: p.uid, device: p.deviceId, seen: p.firstSeenAtMs })),
  },
  {
    name: 'evidence',
    insert: (rows) => `INSERT INTO evidence (digest, canonical, process_key, seen_at)
    SELECT digest, canonical, process, ${instant('seen')} FROM json_to_recordset(${rows}::json)
      AS r(digest bytea, canonical bytea, process text, seen bigint) ON CONFLICT DO NOTHING`,
    rows: ({ evidence }) =>
      evidence?.map((v) => ({ digest: digest(v.digest), canonical: hex(v.canonical), process: v.processKey, seen: v.seenAtMs })),
  },
  {
    name: 'delegation',
    insert: (
      rows,
    ) => `INSERT INTO delegation (id, parent_id, agent_id, person_id, assurance, given, started_at, ends_at, stop_code, stop_reason)
    SELECT id, parent, agent, person, assurance, given, ${instant('started')}, ${instant('ends')}, code, reason FROM json_to_recordset(${rows}::json)
      AS r(id uuid, parent uuid, agent uuid, person uuid, assurance text, given text, started bigint, ends bigint, code text, reason text) ON CONFLICT DO NOTHING`,
    rows: ({ delegations }) =>
      delegations?.map((d) => ({
        id: d.id,
        parent: d.parentId,
        agent: d.agentId,
        person: d.personId,
        assurance: d.assurance,
        given: d.given,
        started: d.startedAtMs,
        ends: d.endsAtMs,
        code: d.stopCode,
        reason: d.stopReason,
      })),
  },
  {
    name: 'agent',
    insert: (rows) => `INSERT INTO agent (id, name, device_id, delegation_id, launch_id, started_at)
    SELECT id, name, device, delegation, launch, ${instant('started')} FROM json_to_recordset(${rows}::json)
      AS r(id uuid, name text, device uuid, delegation uuid, launch uuid, started bigint) ON CONFLICT DO NOTHING`,
    rows: ({ agents }) =>
      agents?.map((a) => ({
        id: a.id,
        name: a.name,
        device: a.deviceId,
        delegation: a.delegationId,
        launch: a.launchId,
        started: a.startedAtMs,
      })),
  },
  {
    name: 'launch',
    insert: (
      rows,
    ) => `INSERT INTO launch (id, agent_id, device_id, name, task, program_path, program_sha256, argument_count, process_key, uid,
    user_name, terminal, group_from, group_missing, confinement, measures, own_uid, opened_at)
    SELECT id, agent, device, name, task, path, sha, args, process, uid, username, terminal, gfrom, gmissing, confinement, measures, ownuid,
      ${instant('opened')} FROM json_to_recordset(${rows}::json)
      AS r(id uuid, agent uuid, device uuid, name text, task text, path text, sha bytea, args int, process text, uid bigint, username text, terminal boolean,
        gfrom text, gmissing text, confinement text, measures text, ownuid bigint, opened bigint) ON CONFLICT DO NOTHING`,
    rows: ({ launches }) =>
      launches?.map((l) => ({
        id: l.id,
        agent: l.agentId,
        device: l.deviceId,
        name: l.name,
        task: l.task,
        path: l.programPath,
        sha: digest(l.programSha256),
        args: l.argumentCount,
        process: l.processKey,
        uid: l.uid,
        username: l.user,
        terminal: l.terminal,
        gfrom: l.groupFrom,
        gmissing: l.groupMissing,
        confinement: confinementWord(l.confinement),
        measures: measuresText(l.measures),
        ownuid: l.ownUid,
        opened: l.openedAtMs,
      })),
  },
  {
    name: 'process',
    insert: (rows) => `INSERT INTO process (key, device_id, agent_id, launch_id, via_process_key, membership, pid, uid, start_ticks,
    evidence_digest, seen_at)
    SELECT key, device, agent, launch, via, membership, pid, uid, ticks, evidence, ${instant('seen')} FROM json_to_recordset(${rows}::json)
      AS r(key text, device uuid, agent uuid, launch uuid, via text, membership text, pid int, uid bigint, ticks text, evidence bytea, seen bigint)
    ON CONFLICT DO NOTHING`,
    rows: ({ processes }) =>
      processes?.map((p) => ({
        key: p.key,
        device: p.deviceId,
        agent: p.agentId,
        launch: p.launchId,
        via: p.viaProcessKey,
        membership: p.membership,
        pid: p.pid,
        uid: p.uid,
        ticks: p.startTicks,
        evidence: digest(p.evidenceDigest),
        seen: p.seenAtMs,
      })),
  },
  {
    name: 'ended',
    insert: (rows) => `INSERT INTO ended (kind, id, at, reason)
    SELECT kind, id, ${instant('at')}, reason FROM json_to_recordset(${rows}::json)
      AS r(kind text, id text, at bigint, reason text) ON CONFLICT DO NOTHING`,
    rows: ({ ended }) => ended?.map((x) => ({ kind: x.kind, id: x.id, at: x.atMs, reason: x.reason })),
  },
  {
    name: 'event',
    insert: (rows) => `INSERT INTO event (id, day, kind, at, reference, code, agent_id, process_key, record)
    SELECT id, (${instant('at')})::date, kind, ${instant('at')}, reference, code, agent, process, record FROM json_to_recordset(${rows}::json)
      AS r(id uuid, kind text, at bigint, reference text, code text, agent uuid, process text, record bytea)`,
    rows: ({ fact }) =>
      'event' in fact
        ? [
            {
              id: fact.event.id,
              kind: fact.event.kind,
              at: fact.event.atMs,
              reference: fact.event.reference,
              code: fact.event.code,
              agent: fact.event.agentId,
              process: fact.event.processKey,
              record: hex(fact.event.record),
            },
          ]
        : undefined,
  },
  {
    name: 'credential',
    insert: (rows) => `INSERT INTO credential (serial, day, kind, spiffe_id, audience, issued_at, not_before, not_after, recorded_at,
    authority_key_id, public_key_sha256, process_key, agent_id, delegation_id, evidence_digest, rule_name, rule_version, device_id, record)
    SELECT serial, (${instant('issued')})::date, kind, spiffe, aud, ${instant('issued')}, ${instant('nb')}, ${instant('na')}, ${instant('recorded')}, authority,
      pk, process, agent, delegation, evidence, rule, version, device, record
    FROM json_to_recordset(${rows}::json) AS r(serial uuid, kind text, spiffe text, aud text[], issued bigint, nb bigint, na bigint, recorded bigint,
      authority text, pk bytea, process text, agent uuid, delegation uuid, evidence bytea, rule text, version int, device uuid, record bytea)`,
    rows: ({ fact }, recorded) =>
      'credential' in fact
        ? [
            {
              serial: fact.credential.serial,
              kind: fact.credential.kind,
              spiffe: fact.credential.spiffeId,
              aud: fact.credential.audience,
              issued: fact.credential.issuedAtMs,
              nb: fact.credential.notBeforeMs,
              na: fact.credential.notAfterMs,
              recorded,
              authority: fact.credential.authorityKeyId,
              pk: digest(fact.credential.publicKeySha256),
              process: fact.credential.processKey,
              agent: fact.credential.agentId,
              delegation: fact.credential.delegationId,
              evidence: digest(fact.credential.evidenceDigest),
              rule: fact.credential.ruleName,
              version: fact.credential.ruleVersion,
              device: fact.credential.deviceId,
              record: hex(fact.credential.record),
            },
          ]
        : undefined,
  },
];

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
