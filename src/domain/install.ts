import { createHash } from 'node:crypto';
import { DATABASE_ACCOUNT, type InstalledFile, type InstalledProgram, installedFiles, SERVER_ACCOUNT, SYSUSERS, TARGET } from './units';
import { TMPFILES, UNIT_FOLDER } from './units';

/** What `mandate install` and `mandate uninstall` would do to a machine, decided from what was found on it. Nothing is done here. */

export const MANIFEST = '/etc/mandate/install.json';
export const STATE_FOLDER = '/var/lib/mandate';
export const RUN_FOLDER = '/run/mandate';

/** What an installation made, so that its removal takes exactly that: written before anything else. */
export interface InstallManifest {
  readonly v: 1;
  readonly program: InstalledProgram;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Folders that were not there before, outermost first. */
  readonly folders: readonly string[];
  readonly accounts: readonly string[];
}

export type Systemd = 'runs' | 'installed' | 'absent';

/** What is at a path: a digest of a plain file, the target of a link, nothing, or something else. */
export type FoundAt =
  | { readonly kind: 'file'; readonly sha256: string }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'nothing' | 'other' };

export interface Found {
  /** `/`, or the folder that holds another machine's tree. */
  readonly root: string;
  readonly systemd: Systemd;
  readonly manifest: InstallManifest | undefined;
  readonly at: (path: string) => FoundAt;
  readonly hasFolder: (path: string) => boolean;
  readonly hasAccount: (name: string) => boolean;
}

export type Command = readonly [program: string, ...args: string[]];

export interface InstallPlan {
  readonly manifest: InstallManifest;
  /** New files, and those of ours that another version of Mandate wrote. */
  readonly write: readonly InstalledFile[];
  readonly links: InstallManifest['links'];
  readonly folders: readonly string[];
  readonly accounts: readonly string[];
  /** Carried out after the files are there, in this order. */
  readonly commands: readonly Command[];
  /** The commands start the service. */
  readonly starts: boolean;
  /** What is left for a person to do. */
  readonly byHand: readonly string[];
  /** Files that are not what was written: nothing is done while there is one. */
  readonly edited: readonly string[];
  readonly nothingToDo: boolean;
}

const LINK = { path: `${UNIT_FOLDER}/multi-user.target.wants/${TARGET}`, target: `${UNIT_FOLDER}/${TARGET}` };

/** What is missing of an installation. Of a machine without systemd only the accounts are wanted: `mandate up` does the rest. */
export function planInstall(found: Found, program: InstalledProgram): InstallPlan {
  const wanted = found.systemd === 'absent' ? [] : installedFiles(program);
  const links = found.systemd === 'absent' ? [] : [LINK];
  const known = new Map(found.manifest?.files.map(({ path, sha256 }) => [path, sha256]));
  const edited: string[] = [];
  const write = wanted.filter((file) => {
    const there = found.at(file.path);
    if (there.kind === 'nothing') return true;
    if (there.kind === 'file' && there.sha256 === sha256(file.text)) return false;
    if (there.kind === 'file' && there.sha256 === known.get(file.path)) return true;
    edited.push(file.path);
    return false;
  });
  const newLinks = links.filter(({ path, target }) => {
    const there = found.at(path);
    if (there.kind !== 'nothing' && !(there.kind === 'link' && there.target === target)) edited.push(path);
    return there.kind === 'nothing';
  });
  const accounts = [SERVER_ACCOUNT, DATABASE_ACCOUNT].filter((name) => !found.hasAccount(name));
  const folders = foldersAbove([MANIFEST, ...wanted.map(({ path }) => path), ...links.map(({ path }) => path)]).filter(
    (path) => !found.hasFolder(path),
  );
  const nothingToDo = found.manifest !== undefined && write.length + newLinks.length + accounts.length + edited.length === 0;
  const before = found.manifest;
  return {
    manifest: {
      v: 1,
      program,
      // What was there before us and is the same is not ours to remove.
      files: wanted
        .filter((file) => known.has(file.path) || write.includes(file))
        .map(({ path, text }) => ({ path, sha256: sha256(text) })),
      links: merged(before?.links ?? [], newLinks),
      folders: [...new Set([...(before?.folders ?? []), ...folders])],
      accounts: [...new Set([...(before?.accounts ?? []), ...accounts])],
    },
    write,
    links: newLinks,
    folders,
    accounts,
    commands: nothingToDo ? [] : installCommands(found, accounts),
    starts: !nothingToDo && startsService(found),
    byHand: nothingToDo ? [] : byHand(found),
    edited,
    nothingToDo,
  };
}

const startsService = ({ root, systemd }: Pick<Found, 'root' | 'systemd'>): boolean => root === '/' && systemd === 'runs';

function installCommands({ root, systemd }: Found, accounts: readonly string[]): readonly Command[] {
  // Another machine's tree: its accounts are lines in its files, and its systemd does the rest when it starts.
  if (root !== '/') return [];
  if (systemd === 'absent') {
    return accounts.map((name) => [
      'useradd',
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      STATE_FOLDER,
      '--shell',
      NO_LOGIN,
      name,
    ]);
  }
  const made: Command[] = [...(accounts.length > 0 ? [['systemd-sysusers', SYSUSERS] as const] : [])];
  if (!startsService({ root, systemd })) return made;
  return [...made, ['systemd-tmpfiles', '--create', TMPFILES], ['systemctl', 'daemon-reload'], ['systemctl', 'start', TARGET]];
}

export const NO_LOGIN = '/usr/sbin/nologin';

function byHand({ root, systemd }: Found): readonly string[] {
  if (root !== '/')
    return ['start the machine: everything begins with it', "the program has to be at the same path there, and root's alone"];
  if (systemd === 'installed') return ['systemd does not run here: everything begins when this machine is started with it'];
  if (systemd === 'absent')
    return ['there is no systemd here: have the machine run `mandate up` as root when it starts, and `mandate down` before it ends'];
  return [];
}

export interface UninstallPlan {
  /** Carried out before anything is removed. */
  readonly before: readonly Command[];
  readonly files: readonly string[];
  /** Innermost first; only those that are empty by then. */
  readonly folders: readonly string[];
  /** Removed with the state, since what they own would be nobody's. */
  readonly accounts: readonly string[];
  /** Files of ours that somebody changed: they stay. */
  readonly kept: readonly string[];
  /** State and sockets, where these are to go as well. */
  readonly state: readonly string[];
  readonly after: readonly Command[];
}

/** What is to be removed; undefined where nothing was installed. */
export function planUninstall(found: Found, purge: boolean): UninstallPlan | undefined {
  const { manifest } = found;
  if (manifest === undefined) return undefined;
  const files = manifest.files.flatMap(({ path, sha256 }) => {
    const there = found.at(path);
    return there.kind === 'nothing' ? [] : [{ path, same: there.kind === 'file' && there.sha256 === sha256 }];
  });
  const links = manifest.links.flatMap(({ path, target }) => {
    const there = found.at(path);
    return there.kind === 'nothing' ? [] : [{ path, same: there.kind === 'link' && there.target === target }];
  });
  const all = [...links, ...files];
  const runs = found.root === '/' && found.systemd === 'runs';
  // Agents live on in the control group of the last one.
  const units = manifest.files
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1))
    .filter((name) => /\.(service|socket|target)$/.test(name));
  const state = purge ? [STATE_FOLDER, RUN_FOLDER].filter(found.hasFolder) : [];
  const accounts = purge || !found.hasFolder(STATE_FOLDER) ? manifest.accounts.filter(found.hasAccount) : [];
  return {
    before: runs ? [['systemctl', 'stop', ...units]] : [],
    files: all.filter(({ same }) => same).map(({ path }) => path),
    kept: all.filter(({ same }) => !same).map(({ path }) => path),
    folders: [...manifest.folders].reverse(),
    accounts,
    state,
    after: [
      ...(runs ? [['systemctl', 'daemon-reload'] as const] : []),
      ...(found.root === '/' ? accounts.map((name) => ['userdel', name] as const) : []),
    ],
  };
}

export const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** Folders on the way to these paths, each before those below it. */
function foldersAbove(paths: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const names = path.split('/').slice(1, -1);
    names.forEach((_, at) => folders.add(`/${names.slice(0, at + 1).join('/')}`));
  }
  return [...folders];
}

const merged = (before: InstallManifest['links'], added: InstallManifest['links']): InstallManifest['links'] => [
  ...before.filter(({ path }) => !added.some((link) => link.path === path)),
  ...added,
];
