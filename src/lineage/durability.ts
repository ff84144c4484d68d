import type { ClientBase } from 'pg';
import { MandateError } from '../domain/errors';

interface DurabilityRow {
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly timezone: string;
  readonly recovery: boolean;
  readonly read_only: string;
  readonly unlogged: string | null;
}

/**
 * Raised where it is lower, kept where it is higher (`remote_apply`): what the server, the database or the role set does not decide
 * whether our commits are durable.
 */
const RAISE = `SELECT set_config('synchronous_commit', 'on', false)
  WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')`;

const LOOK = `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
  current_setting('synchronous_commit') AS synchronous_commit, current_setting('TimeZone') AS timezone,
  pg_is_in_recovery() AS recovery, current_setting('transaction_read_only') AS read_only,
  (SELECT min(relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relpersistence <> 'p') AS unlogged`;

/**
 * Sets and checks what a durable commit needs on a new connection, before anything else is sent over it. Throws E_DB_UNSAFE naming the
 * setting and how to change it.
 */
export async function assureDurability(client: ClientBase): Promise<void> {
  await client.query(RAISE);
  const row = (await client.query<DurabilityRow>(LOOK)).rows[0];
  if (row === undefined) throw new MandateError('E_DB_UNSAFE', { saw: 'the database did not say how it is set' });
  const fault = durabilityFault(row);
  if (fault !== undefined) throw new MandateError('E_DB_UNSAFE', fault);
}

function durabilityFault(row: DurabilityRow): { saw: string; why: string; fix: string } | undefined {
  if (row.fsync !== 'on') {
    return { saw: 'fsync = off', why: 'a crash of the machine loses what was committed', fix: 'ALTER SYSTEM SET fsync = on, then reload' };
  }
  if (row.full_page_writes !== 'on') {
    return {
      saw: 'full_page_writes = off',
      why: 'a crash can tear pages that were committed',
      fix: 'ALTER SYSTEM SET full_page_writes = on, then reload',
    };
  }
  if (row.synchronous_commit !== 'on' && row.synchronous_commit !== 'remote_apply') {
    return {
      saw: `synchronous_commit = ${row.synchronous_commit}`,
      why: 'a commit is acknowledged before it is on disk, and this connection could not change that',
      fix: 'connect without a pooler that drops session settings',
    };
  }
  if (row.recovery) return { saw: 'a standby', why: 'it cannot commit', fix: 'name the primary' };
  if (row.read_only !== 'off') {
    return {
      saw: `transaction_read_only = ${row.read_only}`,
      why: 'it cannot commit',
      fix: 'ALTER ROLE … SET default_transaction_read_only = off',
    };
  }
  if (row.timezone !== 'UTC') {
    return {
      saw: `timezone = ${row.timezone}`,
      why: 'the driver writes instants without an offset',
      fix: 'connect without a pooler that drops session settings',
    };
  }
  if (row.unlogged !== null) {
    return { saw: `UNLOGGED table ${row.unlogged}`, why: 'a crash empties it', fix: `ALTER TABLE ${row.unlogged} SET LOGGED` };
  }
  return undefined;
}
