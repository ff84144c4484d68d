import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseCommands } from '../cli/ports';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Log } from '../domain/ports';
import type { DatabaseChoice } from '../domain/up';
import { databaseAddress } from '../lineage/address';
import { startCluster } from '../lineage/cluster';
import { migrate, pendingMigrations } from '../lineage/migrate';
import { shippedMigrations } from '../lineage/migrations';
import { psqlEnvironment, psqlEnvironmentAs } from '../lineage/psql-environment';
import { DEFAULT_DATABASE, DEFAULT_ROLES, rolesSql } from '../lineage/roles';
import type { RunningDatabase } from '../supervisor/database-life';
import type { Account } from '../supervisor/issuer-accounts';
import { systemClock } from '../system/clock';
import { systemRandom } from '../system/random';

/** The embedded cluster, or the server that `--db` names; its schema is up to date when this resolves. */
export async function openSupervisedDatabase(
  { layout, databaseUrl, ownerUrl }: DatabaseChoice,
  account: Account | undefined,
  clientsGid: number | undefined,
  log: Log,
): Promise<RunningDatabase> {
  if (databaseUrl !== undefined) return externalDatabase(databaseUrl, ownerUrl);
  const cluster = await startCluster({
    layout,
    ...(account && { as: account }),
    ...(clientsGid !== undefined && { clientsGid }),
    random: systemRandom,
    clock: systemClock,
    log,
  });
  try {
    await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return {
    url: cluster.urls.server,
    detail: `private PostgreSQL ${cluster.major}, fsync on`,
    pid: cluster.pid,
    uid: account?.uid ?? process.geteuid?.() ?? null,
    ended: cluster.exited.then(({ code, signal }) => signal ?? `exit status ${code}`),
    stop: () => cluster.stop(),
  };
}

async function externalDatabase(url: string, ownerUrl: string | undefined): Promise<RunningDatabase> {
  const { shown } = databaseAddress(url);
  if (ownerUrl !== undefined) await migrate({ ownerUrl, clock: systemClock, random: systemRandom });
  return { url, detail: shown, pid: null, uid: null, ended: new Promise(() => undefined), stop: () => Promise.resolve() };
}

/** What `mandate db` does, on the embedded cluster of the state folder or on the database that is named. */
export const databaseCommands: DatabaseCommands = {
  async migrate(choice) {
    const applied = await migrate({ ownerUrl: ownerOf(choice), clock: systemClock, random: systemRandom });
    return { applied, already: shippedMigrations().length - applied.length };
  },
  async status(choice) {
    const url = choice.databaseUrl ?? embeddedUrl(choice.layout, 'reader');
    const pending = new Set(await pendingMigrations(url));
    return {
      source: choice.databaseUrl === undefined ? 'embedded' : 'external',
      version: databaseAddress(url).shown,
      migrations: shippedMigrations().map(({ name }) => ({ name, applied: !pending.has(name) })),
      pending: pending.size,
    };
  },
  rolesSql: () => `${rolesSql(DEFAULT_ROLES, DEFAULT_DATABASE).join('\n')}\n`,
  async psql({ layout, databaseUrl }) {
    const program = ['/usr/bin/psql', '/usr/local/bin/psql', '/opt/homebrew/bin/psql', '/usr/local/pgsql/bin/psql'].find(executable);
    if (program === undefined) throw new MandateError('E_NO_PSQL', { fix: 'install the PostgreSQL client (postgresql-client)' });
    const env =
      databaseUrl === undefined
        ? psqlEnvironment(embeddedUrl(layout, 'reader'))
        : await psqlEnvironmentAs(DEFAULT_ROLES.reader, databaseUrl);
    return { program, args: [], env };
  },
};

function ownerOf({ layout, databaseUrl, ownerUrl }: DatabaseChoice): string {
  if (ownerUrl !== undefined) return ownerUrl;
  if (databaseUrl !== undefined)
    throw new MandateError('E_USAGE', { why: 'migrations need the owner role', fix: 'name it with --db-owner' });
  return embeddedUrl(layout, 'owner');
}

/** The address of a role of the embedded cluster, from the password file that only its owner can read. */
function embeddedUrl(layout: Layout, role: 'owner' | 'reader'): string {
  const file = path.join(layout.secrets, role);
  if (!existsSync(file))
    throw new MandateError('E_NOT_FOUND', { saw: 'no embedded database in this state folder', fix: 'start it with: mandate up' });
  let password: string;
  try {
    password = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new MandateError('E_NOT_ADMIN', { saw: 'the password of the database role may not be read' }, { cause });
  }
  return roleUrl(layout, role, password);
}

/** The address of a role of the private cluster. */
export function roleUrl({ databaseRun }: Layout, role: 'owner' | 'reader' | 'server', password: string): string {
  const host = encodeURIComponent(databaseRun);
  return `postgresql://${DEFAULT_ROLES[role]}:${encodeURIComponent(password)}@localhost:5432/${DEFAULT_DATABASE}?host=${host}`;
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
