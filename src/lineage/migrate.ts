import type pg from 'pg';
import { MandateError } from '../domain/errors';
import { newId } from '../domain/ids';
import type { Clock, Random } from '../domain/ports';
import { APPLIED_MIGRATIONS, type AppliedMigration, type Migration, pendingOf, shippedMigrations } from './migrations';
import { grantsSql } from './privileges';
import { DEFAULT_ROLES, type DatabaseRoles } from './roles';
import { withSession } from './session';

/** The key Prisma Migrate itself locks with, so that the two never run at once. */
const LOCK = 72707369;

const TABLE = `CREATE TABLE IF NOT EXISTS public._prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

export interface MigrateOptions {
  readonly ownerUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Roles that get their grants; by default the three default names. */
  readonly roles?: DatabaseRoles;
  /** For tests of the runner itself. */
  readonly migrations?: readonly Migration[];
}

/**
 * Applies what is missing and renews the grants; returns the names of what was applied. `prisma migrate` finds the same table, checksums
 * and lock. Any number at once: they take turns. Throws E_DB_MIGRATION, E_DB_SCHEMA, E_DB_DOWN, E_DB_URL.
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const shipped = options.migrations ?? shippedMigrations();
  return withSession(options.ownerUrl, async (client) => {
    await assureVersion(client);
    // A session lock on a connection of our own: it ends with the connection, whatever happens to this process.
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(TABLE);
    const applied = await client.query<AppliedMigration>(APPLIED_MIGRATIONS);
    const pending = pendingOf(shipped, applied.rows);
    for (const migration of pending) await applyOne(client, migration, options);
    try {
      await client.query(grantsSql(options.roles ?? DEFAULT_ROLES));
    } catch (cause) {
      throw new MandateError(
        'E_DB_MIGRATION',
        {
          saw: 'the grants of the server and reader roles failed',
          why: messageOf(cause),
          fix: 'create the roles: mandate db migrate --print-roles',
        },
        { cause },
      );
    }
    return pending.map((migration) => migration.name);
  });
}

/** Names of shipped migrations that the database still lacks. Reads only; any role that may read the table can ask. */
export async function pendingMigrations(url: string, migrations = shippedMigrations()): Promise<readonly string[]> {
  return withSession(url, async (client) => {
    const exists = await client.query<{ exists: boolean }>("SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS exists");
    if (!exists.rows[0]?.exists) return migrations.map((migration) => migration.name);
    const applied = await client.query<AppliedMigration>(APPLIED_MIGRATIONS);
    return pendingOf(migrations, applied.rows).map((migration) => migration.name);
  });
}

/** Before 15 every role may create tables in the schema public, which the server's role must not be able to. */
const MIN_VERSION = 15;

async function assureVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major");
  if ((rows[0]?.major ?? 0) >= MIN_VERSION) return;
  throw new MandateError('E_DB_SCHEMA', { saw: `PostgreSQL ${rows[0]?.major}`, fix: `use PostgreSQL ${MIN_VERSION} or newer` });
}

async function applyOne(client: pg.Client, migration: Migration, { clock, random }: MigrateOptions): Promise<void> {
  const id = newId(random, clock.nowMs());
  await client.query('INSERT INTO public._prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    migration.checksum,
    migration.name,
  ]);
  try {
    await client.query(migration.sql); // one simple-protocol message is one transaction
  } catch (cause) {
    await client.query('UPDATE public._prisma_migrations SET logs = $2 WHERE id = $1', [id, messageOf(cause)]).catch(() => undefined);
    throw new MandateError('E_DB_MIGRATION', { saw: `migration ${migration.name}`, why: messageOf(cause) }, { cause });
  }
  await client.query('UPDATE public._prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1', [id]);
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 500);
