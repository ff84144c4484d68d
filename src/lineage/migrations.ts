import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';

/** One migration as it is shipped. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file in lower-case hex, as Prisma computes it. */
  readonly checksum: string;
}

/** One row of `_prisma_migrations` that was not rolled back. */
export interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

export const APPLIED_MIGRATIONS = `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
  FROM public._prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`;

/** The folder of the shipped migrations, beside the sources and beside the compiled program alike. */
export function migrationsFolder(): string {
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'prisma', 'migrations');
    if (existsSync(candidate)) return candidate;
  }
  throw new MandateError('E_DB_MIGRATION', { saw: 'no prisma/migrations beside the program', fix: 'install mandate again' });
}

/** The shipped migrations in the order they are applied. */
export function shippedMigrations(folder = migrationsFolder()): readonly Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const sql = readFileSync(path.join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

/**
 * Decides which shipped migrations are still to be applied. Throws E_DB_MIGRATION where an earlier one failed, E_DB_SCHEMA where one
 * was edited after it was applied, or where the database knows one that this version does not.
 */
export function pendingOf(shipped: readonly Migration[], applied: readonly AppliedMigration[]): readonly Migration[] {
  const failed = applied.find((row) => !row.finished);
  if (failed !== undefined) {
    throw new MandateError('E_DB_MIGRATION', {
      saw: `migration ${failed.migration_name} was begun and never finished`,
      why: 'what it did was rolled back, but nothing says that its cause is gone',
      fix: 'remove the cause, then run: npx prisma migrate resolve --rolled-back ' + failed.migration_name,
    });
  }
  const known = new Map(shipped.map((migration) => [migration.name, migration]));
  for (const row of applied) {
    const migration = known.get(row.migration_name);
    if (migration === undefined) {
      throw new MandateError('E_DB_SCHEMA', {
        saw: `the database has migration ${row.migration_name}, which this version does not know`,
        why: 'a newer version of mandate has used this database',
        fix: 'run that version, or a newer one',
      });
    }
    if (migration.checksum !== row.checksum) {
      throw new MandateError('E_DB_SCHEMA', {
        saw: `migration ${row.migration_name} differs from the one that was applied`,
        why: 'an applied migration was edited, so nobody knows which schema this is',
        fix: 'install mandate again; migrations are only ever added',
      });
    }
  }
  const done = new Set(applied.map((row) => row.migration_name));
  return shipped.filter((migration) => !done.has(migration.name));
}
