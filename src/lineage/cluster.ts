import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Clock, Log, Random } from '../domain/ports';
import { type BinarySource, type Binaries, findBinaries } from './binaries';
import { makeCluster, singleUser } from './initdb';
import { endLeftover } from './leftover';
import { startPostmaster } from './postmaster';
import { canEnter, type DatabaseAccount } from './programs';
import { DEFAULT_DATABASE, DEFAULT_ROLES, passwordsSql, type RolePasswords, rolesSql } from './roles';
import { rolePasswords } from './secrets';
import { clusterSettings, HOST_BASED_AUTHENTICATION } from './settings';

export interface ClusterOptions {
  readonly layout: Pick<Layout, 'state' | 'database' | 'databaseRun' | 'secrets' | 'logs'>;
  /** As root: the account PostgreSQL runs under. */
  readonly as?: DatabaseAccount;
  /** The group that may reach the socket, i.e. the server's. As root without it everybody may try a password; otherwise the folder has it already. */
  readonly clientsGid?: number;
  /** Made and kept elsewhere; in the secrets folder of the layout where undefined. */
  readonly passwords?: RolePasswords;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  /** PostgreSQL settings that win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Restricts where the programs are taken from. */
  readonly source?: BinarySource;
  /** Further statements of the superuser, one line each, for a new cluster. */
  readonly statements?: readonly string[];
}

export interface Cluster {
  /** With their passwords: hand each only to the process that needs it, never by argument or environment. */
  readonly urls: { readonly owner: string; readonly server: string; readonly reader: string };
  readonly version: string;
  readonly major: number;
  readonly source: BinarySource;
  readonly pid: number;
  readonly firstStart: boolean;
  /** Resolves when PostgreSQL has ended, for whatever reason. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stop(): Promise<void>;
}

/**
 * Starts the private PostgreSQL of this state folder, making it at the first start. The caller holds the lock of the state folder.
 * Throws E_DB_BINARIES, E_DB_VERSION, E_DB_START, E_STATE_PERMISSIONS, E_STATE_UNREACHABLE.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { layout, as, clock } = options;
  if (process.getuid?.() === 0 && (as === undefined || as.uid === 0)) {
    throw new MandateError('E_DB_START', { why: 'PostgreSQL does not run as root', fix: 'give it an account of its own' });
  }
  const ownerUid = as?.uid ?? process.getuid?.() ?? 0;
  const data = path.join(layout.database, 'data');
  const files = { data, config: path.join(layout.database, 'postgresql.conf'), hba: path.join(layout.database, 'pg_hba.conf') };
  prepareFolders(options);
  for (const folder of [layout.database, layout.databaseRun]) {
    if (as !== undefined && !(await canEnter(folder, as))) {
      throw new MandateError('E_STATE_UNREACHABLE', {
        saw: `uid ${as.uid} cannot enter ${folder}`,
        fix: 'choose a state folder that other accounts can pass through, such as /var/lib/mandate',
      });
    }
  }
  const memory = path.join(layout.database, 'cluster.json');
  const binaries = await findBinaries({
    folder: layout.database,
    as,
    wanted: remembered(memory, data),
    ...(options.source && { only: options.source }),
  });

  const firstStart = !existsSync(data);
  const { passwords, made } = options.passwords
    ? { passwords: options.passwords, made: false }
    : rolePasswords(layout.secrets, options.random);
  if (firstStart) {
    const statements = [...rolesSql(DEFAULT_ROLES, DEFAULT_DATABASE, passwords), ...(options.statements ?? [])];
    await makeCluster(binaries.programs, layout.database, statements);
  } else {
    await endLeftover(data, ownerUid, clock, options.log);
    if (made) await singleUser(binaries.programs, data, passwordsSql(DEFAULT_ROLES, passwords));
  }
  remember(memory, binaries);
  writeWhole(files.config, clusterSettings(binaries.major, layout.databaseRun, options.settings ?? {}));
  writeWhole(files.hba, HOST_BASED_AUTHENTICATION);
  const logFile = path.join(layout.logs, 'postgresql.log');
  const postmaster = await startPostmaster(binaries.programs, { ...files, logFile }, ownerUid, clock);

  const url = (role: string, password: string) =>
    `postgresql://${role}:${password}@localhost:5432/${DEFAULT_DATABASE}?host=${encodeURIComponent(layout.databaseRun)}`;
  return {
    urls: {
      owner: url(DEFAULT_ROLES.owner, passwords.owner),
      server: url(DEFAULT_ROLES.server, passwords.server),
      reader: url(DEFAULT_ROLES.reader, passwords.reader),
    },
    version: binaries.version,
    major: binaries.major,
    source: binaries.source,
    firstStart,
    ...postmaster,
  };
}

/** The folders of the cluster. What PostgreSQL may not change (settings, programs, who may connect) stays ours. */
function prepareFolders({ layout, as, clientsGid }: ClusterOptions): void {
  const own = (folder: string, mode: number, uid?: number, gid?: number) => {
    mkdirSync(folder, { recursive: true, mode });
    // A link planted here would have us hand a foreign folder to the database's account.
    if (!lstatSync(folder).isDirectory()) throw new MandateError('E_STATE_PERMISSIONS', { saw: `${folder} is not a folder` });
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
    chmodSync(folder, mode);
  };
  own(layout.database, as ? 0o711 : 0o700);
  own(layout.logs, 0o700);
  if (as) own(layout.databaseRun, clientsGid === undefined ? 0o711 : 0o710, as.uid, clientsGid ?? as.gid);
  else if (clientsGid === undefined) own(layout.databaseRun, 0o700);
  else if (lstatSync(layout.databaseRun).gid === clientsGid) own(layout.databaseRun, 0o710);
  else throw new MandateError('E_STATE_PERMISSIONS', { saw: `${layout.databaseRun} is not for gid ${clientsGid}` });
}

/** What the cluster was made with; undefined for a new one. Throws E_DB_VERSION for a cluster that nobody described. */
function remembered(file: string, data: string): { source: BinarySource; major: number } | undefined {
  if (!existsSync(data)) return undefined;
  try {
    const { source, major } = JSON.parse(readFileSync(file, 'utf8')) as { source: BinarySource; major: number };
    if (Number.isSafeInteger(major)) return { source, major };
  } catch {
    // Lost, or never written because of a crash right after the cluster was made: the cluster itself knows its major version.
  }
  const major = Number(readFileSync(path.join(data, 'PG_VERSION'), 'latin1').trim());
  if (!Number.isSafeInteger(major)) throw new MandateError('E_DB_VERSION', { saw: 'PG_VERSION of the cluster is not readable' });
  return { source: 'packaged', major };
}

function remember(file: string, { source, major, version }: Binaries): void {
  writeWhole(file, `${JSON.stringify({ source, major, version })}\n`);
}

/** Readable by PostgreSQL, whole or not at all. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o644 });
  chmodSync(`${file}.new`, 0o644);
  renameSync(`${file}.new`, file);
}
