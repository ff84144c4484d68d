import { confinementWord } from '../domain/confinement';
import { measuresText } from '../domain/launch-measures';
import type { CredentialRow, EventRow, LineageEntry } from '../domain/lineage';

/** SQL that makes an instant of a column of milliseconds. */
export const instant = (column: string) => `to_timestamp(${column} / 1000.0)`;

const hex = (bytes: Buffer): string => `\\x${bytes.toString('hex')}`;
const digest = (text: string | null): string | null => (text === null ? null : `\\x${text}`);

/** Each table's insert from a parameter, and the rows that an entry brings for it. */
export interface Table {
  readonly name: string;
  readonly insert: (parameter: string) => string;
  readonly rows: (entry: LineageEntry, recordedAtMs: number) => readonly object[] | undefined;
}

/**
 * In the order in which they name each other. Rows that two entries may both bring, as when a new process asks for two things at once,
 * are kept as they came first.
 */
export const TABLES: readonly Table[] = [
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
    rows: ({ fact }) => ('event' in fact ? [eventJson(fact.event)] : undefined),
  },
  {
    name: 'credential',
    insert: (rows) => `INSERT INTO credential (serial, day, kind, spiffe_id, audience, issued_at, not_before, not_after, recorded_at,
    authority_key_id, public_key_sha256, process_key, agent_id, delegation_id, evidence_digest, rule_name, rule_version, device_id, record)
    SELECT serial, (${instant('issued')})::date, kind, spiffe, aud, ${instant('issued')}, ${instant('nb')}, ${instant('na')}, ${instant('recorded')}, authority,
      pk, process, agent, delegation, evidence, rule, version, device, record
    FROM json_to_recordset(${rows}::json) AS r(serial uuid, kind text, spiffe text, aud text[], issued bigint, nb bigint, na bigint, recorded bigint,
      authority text, pk bytea, process text, agent uuid, delegation uuid, evidence bytea, rule text, version int, device uuid, record bytea)`,
    rows: ({ fact }, recorded) => ('credential' in fact ? [credentialJson(fact.credential, recorded)] : undefined),
  },
];

const eventJson = (row: EventRow): object => ({
  id: row.id,
  kind: row.kind,
  at: row.atMs,
  reference: row.reference,
  code: row.code,
  agent: row.agentId,
  process: row.processKey,
  record: hex(row.record),
});

const credentialJson = (row: CredentialRow, recorded: number): object => ({
  serial: row.serial,
  kind: row.kind,
  spiffe: row.spiffeId,
  aud: row.audience,
  issued: row.issuedAtMs,
  nb: row.notBeforeMs,
  na: row.notAfterMs,
  recorded,
  authority: row.authorityKeyId,
  pk: digest(row.publicKeySha256),
  process: row.processKey,
  agent: row.agentId,
  delegation: row.delegationId,
  evidence: digest(row.evidenceDigest),
  rule: row.ruleName,
  version: row.ruleVersion,
  device: row.deviceId,
  record: hex(row.record),
});
