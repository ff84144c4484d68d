import { measuresText } from '../domain/launch-measures';
import { confinementWord } from '../domain/confinement';
import type { CredentialRow, EventRow, LineageEntry } from '../domain/lineage';

/** One statement for a whole batch, and its parameters: JSON arrays of rows, bytes as `\x…`, instants as milliseconds. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

const instant = (column: string) => `to_timestamp(${column} / 1000.0)`;

const CREDENTIAL = `INSERT INTO credential (serial, day, kind, spiffe_id, audience, issued_at, not_before, not_after, recorded_at, authority_key_id,
    public_key_sha256, process_key, agent_id, delegation_id, evidence_digest, rule_name, rule_version, device_id, record)
  SELECT serial, (${instant('issued')})::date, kind, spiffe, aud, ${instant('issued')}, ${instant('nb')}, ${instant('na')}, ${instant('recorded')}, authority,
    pk, process, agent, delegation, evidence, rule, version, device, record
  FROM json_to_recordset($1::json) AS r(serial uuid, kind text, spiffe text, aud text[], issued bigint, nb bigint, na bigint, recorded bigint,
    authority text, pk bytea, process text, agent uuid, delegation uuid, evidence bytea, rule text, version int, device uuid, record bytea)`;

/** The hot one: renewals and fresh JWT-SVIDs of known processes. */
const CREDENTIALS_ONLY = { name: 'lineage_credentials_1', text: CREDENTIAL };

/**
 * Everything else, still one statement and so one commit. Rows that two entries may both bring, as when a new process asks for two things
 * at once, are kept as they came first.
 */
const EVERYTHING = {
  name: 'lineage_everything_2',
  text: `WITH a AS (INSERT INTO device (id, machine_id, hostname, os, kernel, assurance, first_seen_at)
    SELECT id, machine, hostname, os, kernel, assurance, ${instant('seen')} FROM json_to_recordset($2::json)
      AS r(id uuid, machine text, hostname text, os text, kernel text, assurance text, seen bigint) ON CONFLICT DO NOTHING),
  b AS (INSERT INTO person (id, kind, name, uid, device_id, first_seen_at)
    SELECT id, kind, name, uid, device, ${instant('seen')} FROM json_to_recordset($3::json)
      AS r(id uuid, kind text, name text, uid bigint, device uuid, seen bigint) ON CONFLICT DO NOTHING),
  c AS (INSERT INTO evidence (digest, canonical, process_key, seen_at)
    SELECT digest, canonical, process, ${instant('seen')} FROM json_to_recordset($4::json)
      AS r(digest bytea, canonical bytea, process text, seen bigint) ON CONFLICT DO NOTHING),
  d AS (INSERT INTO delegation (id, parent_id, agent_id, person_id, assurance, given, started_at, ends_at, stop_code, stop_reason)
    SELECT id, parent, agent, person, assurance, given, ${instant('started')}, ${instant('ends')}, code, reason FROM json_to_recordset($5::json)
      AS r(id uuid, parent uuid, agent uuid, person uuid, assurance text, given text, started bigint, ends bigint, code text, reason text) ON CONFLICT DO NOTHING),
  e AS (INSERT INTO agent (id, name, device_id, delegation_id, launch_id, started_at)
    SELECT id, name, device, delegation, launch, ${instant('started')} FROM json_to_recordset($6::json)
      AS r(id uuid, name text, device uuid, delegation uuid, launch uuid, started bigint) ON CONFLICT DO NOTHING),
  f AS (INSERT INTO launch (id, agent_id, device_id, name, task, program_path, program_sha256, argument_count, process_key, uid, user_name, terminal, group_from,
    group_missing, confinement, measures, own_uid, opened_at)
    SELECT id, agent, device, name, task, path, sha, args, process, uid, username, terminal, gfrom, gmissing, confinement, measures, ownuid, ${instant('opened')} FROM json_to_recordset($7::json)
      AS r(id uuid, agent uuid, device uuid, name text, task text, path text, sha bytea, args int, process text, uid bigint, username text, terminal boolean,
        gfrom text, gmissing text, confinement text, measures text, ownuid bigint, opened bigint) ON CONFLICT DO NOTHING),
  g AS (INSERT INTO process (key, device_id, agent_id, launch_id, via_process_key, membership, pid, uid, start_ticks, evidence_digest, seen_at)
    SELECT key, device, agent, launch, via, membership, pid, uid, ticks, evidence, ${instant('seen')} FROM json_to_recordset($8::json)
      AS r(key text, device uuid, agent uuid, launch uuid, via text, membership text, pid int, uid bigint, ticks text, evidence bytea, seen bigint) ON CONFLICT DO NOTHING),
  h AS (INSERT INTO ended (kind, id, at, reason)
    SELECT kind, id, ${instant('at')}, reason FROM json_to_recordset($9::json)
      AS r(kind text, id text, at bigint, reason text) ON CONFLICT DO NOTHING),
  i AS (INSERT INTO event (id, day, kind, at, reference, code, agent_id, process_key, record)
    SELECT id, (${instant('at')})::date, kind, ${instant('at')}, reference, code, agent, process, record FROM json_to_recordset($10::json)
      AS r(id uuid, kind text, at bigint, reference text, code text, agent uuid, process text, record bytea))
  ${CREDENTIAL}`,
};

/**
 * Which of these facts are recorded. The message puts a record of our own after theirs into the write-ahead log, so that the answer waits
 * for the same durability, standbys included, as the commit whose answer was lost.
 */
export const LOOK_UP = `SELECT pg_logical_emit_message(true, 'mandate', 'look up')::text AS position,
  (SELECT coalesce(json_agg(c.serial), '[]') FROM credential c JOIN json_to_recordset($1::json) AS r(id uuid, at bigint)
    ON c.serial = r.id AND c.day = (${instant('r.at')})::date)::text AS credentials,
  (SELECT coalesce(json_agg(e.id), '[]') FROM event e JOIN json_to_recordset($2::json) AS r(id uuid, at bigint)
    ON e.id = r.id AND e.day = (${instant('r.at')})::date)::text AS events`;

const hex = (bytes: Buffer): string => `\\x${bytes.toString('hex')}`;
const digest = (text: string | null): string | null => (text === null ? null : `\\x${text}`);

const credential = (row: CredentialRow, recorded: number) => ({
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

const event = (row: EventRow) => ({
  id: row.id,
  kind: row.kind,
  at: row.atMs,
  reference: row.reference,
  code: row.code,
  agent: row.agentId,
  process: row.processKey,
  record: hex(row.record),
});

const isBare = ({ fact, ...rows }: LineageEntry): boolean => 'credential' in fact && Object.values(rows).every((list) => list.length === 0);

/** The statement that writes a batch, all or nothing. `recordedAtMs` is when it is sent. */
export function statementOf(entries: readonly LineageEntry[], recordedAtMs: number): Statement {
  const credentials: object[] = [];
  const events: object[] = [];
  for (const { fact } of entries) {
    if ('credential' in fact) credentials.push(credential(fact.credential, recordedAtMs));
    else events.push(event(fact.event));
  }
  if (entries.every(isBare)) return { ...CREDENTIALS_ONLY, values: [JSON.stringify(credentials)] };
  const all = <T>(rows: (entry: LineageEntry) => readonly T[] | undefined, shape: (row: T) => object): string =>
    JSON.stringify(entries.flatMap((entry) => rows(entry)?.map(shape) ?? []));
  return {
    ...EVERYTHING,
    values: [
      JSON.stringify(credentials),
      all(
        (e) => e.devices,
        (d) => ({
          id: d.id,
          machine: d.machineId,
          hostname: d.hostname,
          os: d.os,
          kernel: d.kernel,
          assurance: d.assurance,
          seen: d.firstSeenAtMs,
        }),
      ),
      all(
        (e) => e.persons,
        (p) => ({ id: p.id, kind: p.kind, name: p.name, uid: p.uid, device: p.deviceId, seen: p.firstSeenAtMs }),
      ),
      all(
        (e) => e.evidence,
        (v) => ({ digest: digest(v.digest), canonical: hex(v.canonical), process: v.processKey, seen: v.seenAtMs }),
      ),
      all(
        (e) => e.delegations,
        (d) => ({
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
        }),
      ),
      all(
        (e) => e.agents,
        (a) => ({ id: a.id, name: a.name, device: a.deviceId, delegation: a.delegationId, launch: a.launchId, started: a.startedAtMs }),
      ),
      all(
        (e) => e.launches,
        (l) => ({
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
        }),
      ),
      all(
        (e) => e.processes,
        (p) => ({
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
        }),
      ),
      all(
        (e) => e.ended,
        (x) => ({ kind: x.kind, id: x.id, at: x.atMs, reason: x.reason }),
      ),
      JSON.stringify(events),
    ],
  };
}
