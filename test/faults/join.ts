import type pg from 'pg';
import type { Received } from './oracle';

/** One difference between what was received and what is on record. */
export interface Difference {
  readonly what: string;
  readonly serial: string;
  readonly detail: string;
}

export interface Joined {
  readonly x509: number;
  readonly jwt: number;
  readonly processes: number;
  readonly differences: readonly Difference[];
}

interface Row {
  readonly serial: string;
  readonly kind: string;
  readonly spiffe_id: string;
  readonly key_sha256: string | null;
  readonly agent_id: string | null;
  readonly pid: number | null;
  readonly start_ticks: string | null;
  readonly rows: number;
  readonly complete: boolean;
  readonly record: Buffer;
}

/** What a credential rests on has to be there as well: process, agent, delegation, evidence. */
const ROWS = `
  SELECT replace(c.serial::text, '-', '') AS serial, c.kind, c.spiffe_id, encode(c.public_key_sha256, 'hex') AS key_sha256,
         c.agent_id, p.pid, p.start_ticks, c.record, count(*) OVER (PARTITION BY c.serial)::int AS rows,
         (a.id IS NOT NULL AND d.id IS NOT NULL AND e.digest IS NOT NULL AND p.agent_id = c.agent_id) AS complete
    FROM credential c
    LEFT JOIN process p ON p.key = c.process_key
    LEFT JOIN agent a ON a.id = c.agent_id
    LEFT JOIN delegation d ON d.id = c.delegation_id
    LEFT JOIN evidence e ON e.digest = c.evidence_digest
   WHERE c.serial = ANY($1::uuid[])`;

const AT_ONCE = 5_000;

/**
 * Holds every received credential against its record: present once, with equal kind, key hash, SPIFFE ID and process, on a complete
 * chain; and no key or serial with two processes. It shares no code with what it judges.
 */
export async function join(received: readonly Received[], reader: pg.Client): Promise<Joined> {
  const differences: Difference[] = [];
  const differ = (what: string, serial: string, detail: string) => void differences.push({ what, serial, detail });

  const holders = new Map<string, string>();
  const seen = new Set<string>();
  for (const { pid, startTicks, kind, serial, keySha256 } of received) {
    const holder = `${pid} started at ${startTicks}`;
    if (!/^[0-9a-f]{32}$/.test(serial)) differ('serial is not 32 hex digits', serial, holder);
    if (kind === 'fault') differ('key does not fit its certificate', serial, holder);
    if (kind === 'jwt-svid' && seen.has(serial)) differ('jti received twice', serial, holder);
    seen.add(serial);
    for (const secret of [serial, ...(keySha256 === null ? [] : [`key ${keySha256}`])]) {
      const other = holders.get(secret) ?? holder;
      if (other !== holder) differ('shared by two processes', serial, `${secret}: ${other}, ${holder}`);
      holders.set(secret, holder);
    }
  }

  const rows = new Map<string, Row>();
  const serials = [...seen].filter((serial) => /^[0-9a-f]{32}$/.test(serial));
  for (let at = 0; at < serials.length; at += AT_ONCE) {
    const found = await reader.query<Row>(ROWS, [serials.slice(at, at + AT_ONCE)]);
    for (const row of found.rows) rows.set(row.serial, row);
  }

  const agents = new Map<string, Set<string>>();
  for (const one of received) {
    if (one.kind === 'fault') continue;
    const row = rows.get(one.serial);
    if (!row) {
      differ('no record', one.serial, `${one.kind} of pid ${one.pid}`);
      continue;
    }
    const compare = (what: string, theirs: unknown, ours: unknown) => {
      if (theirs !== ours) differ(what, one.serial, `received ${String(theirs)}, recorded ${String(ours)}`);
    };
    compare('kind', one.kind, row.kind);
    compare('SPIFFE ID', one.spiffeId, row.spiffe_id);
    compare('key', one.keySha256, row.key_sha256);
    compare('process', `${one.pid} ${one.startTicks}`, `${row.pid} ${row.start_ticks}`);
    compare('number of records', 1, row.rows);
    compare('complete chain', true, row.complete);
    const record = JSON.parse(row.record.toString('utf8')) as Record<string, unknown>;
    compare('serial in the record bytes', one.serial, record['serial']);
    compare('SPIFFE ID in the record bytes', one.spiffeId, record['spiffeId']);
    compare('key in the record bytes', one.keySha256, record['publicKeySha256']);
    const holder = `${one.pid} ${one.startTicks}`;
    agents.set(holder, (agents.get(holder) ?? new Set()).add(row.agent_id ?? ''));
  }
  // They are all members of one launch, and stay its agent through every restart.
  const all = new Set([...agents.values()].flatMap((ids) => [...ids]));
  if (all.size > 1) differ('more than one agent', '', [...all].join(', '));

  const count = (kind: Received['kind']) => received.filter((one) => one.kind === kind).length;
  return { x509: count('x509-svid'), jwt: count('jwt-svid'), processes: agents.size, differences };
}
