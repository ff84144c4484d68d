import { MandateError } from '../domain/errors';
import type {
  AuthorityStore,
  Clock,
  CommitMeter,
  FederationStore,
  InstallationStore,
  LineageReader,
  LineageWriter,
  Log,
  ManifestStore,
  RuleStore,
} from '../domain/ports';
import { PostgresAuthorityStore } from './authority-store';
import { type Database, openDatabase } from './connection';
import { connectionFailure } from './failure';
import { PostgresFederationStore } from './federation-store';
import { PostgresInstallationStore } from './installation-store';
import { PostgresManifestStore } from './manifest-store';
import { APPLIED_MIGRATIONS, type AppliedMigration, pendingOf, shippedMigrations } from './migrations';
import { ensurePartitions, keepPartitions } from './partitions';
import { PostgresLineageReader } from './reader';
import { assureServerRole } from './role-check';
import { PostgresRuleStore } from './rule-store';
import { PostgresLineageWriter } from './writer';

/** Everything the server needs of its database. */
export interface Lineage {
  readonly writer: LineageWriter;
  readonly reader: LineageReader;
  readonly rules: RuleStore;
  readonly manifests: ManifestStore;
  readonly federation: FederationStore;
  readonly authorities: AuthorityStore;
  readonly installation: InstallationStore;
  /** Records that wait for a commit. */
  queued(): number;
  /** Whether the database answers now; never throws, and never takes longer than a connection attempt. */
  ping(): Promise<boolean>;
  /** Commits what is queued, then closes. */
  close(): Promise<void>;
}

/**
 * Opens the database as the server role and refuses one that is not fit: E_DB_DOWN, E_DB_URL, E_DB_UNSAFE, E_DB_ROLE, E_DB_SCHEMA.
 * Once open it outlives every outage of the database.
 */
export async function openLineage(options: {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter?: CommitMeter;
}): Promise<Lineage> {
  const { clock, log } = options;
  const database = openDatabase(options.url);
  const writer = new PostgresLineageWriter(options);
  try {
    await assureServerRole(database.pool);
    await assureSchema(database);
    await ensurePartitions(database.pool, clock.nowMs());
    await writer.open();
  } catch (error) {
    await database.close().catch(() => undefined);
    throw connectionFailure(error, database.shown);
  }
  const stopPartitions = keepPartitions(database.pool, clock, log);
  return {
    writer,
    reader: new PostgresLineageReader(database),
    rules: new PostgresRuleStore(database),
    manifests: new PostgresManifestStore(database),
    federation: new PostgresFederationStore(database),
    authorities: new PostgresAuthorityStore(database),
    installation: new PostgresInstallationStore(database),
    queued: () => writer.queued,
    ping: () =>
      database.pool.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    close: async () => {
      stopPartitions();
      await writer.close();
      await database.close();
    },
  };
}

async function assureSchema({ pool }: Database): Promise<void> {
  // Asked of the catalogue: before the first migration the role may not even look into the schema.
  const { rows } = await pool.query<{ readonly readable: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = '_prisma_migrations'
      AND has_schema_privilege('public', 'USAGE') AND has_table_privilege(oid, 'SELECT')) AS readable`,
  );
  const applied = rows[0]?.readable ? (await pool.query<AppliedMigration>(APPLIED_MIGRATIONS)).rows : [];
  const pending = pendingOf(shippedMigrations(), applied);
  if (pending.length === 0) return;
  throw new MandateError('E_DB_SCHEMA', {
    saw: `${pending.length} migrations not applied, first ${pending[0]?.name}`,
    fix: 'run: mandate db migrate --db-owner URL',
  });
}
