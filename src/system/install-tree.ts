import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import { type Found, type FoundAt, type InstallManifest, MANIFEST, NO_LOGIN, sha256, STATE_FOLDER, type Systemd } from '../domain/install';
import { type AccountFiles, hasAccount, withAccount, withoutAccount } from '../domain/system-accounts';
import { errnoOf } from './errno';

const MAX_BYTES = 4 * 1024 * 1024;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** sd_booted(3). */
const BOOTED = '/run/systemd/system';
const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];

/**
 * The tree of a machine, this one's or another's below `root`. No link is followed on the way to a path: a link of another machine's tree
 * means a place of this one.
 */
export class InstallTree {
  constructor(private readonly root: string) {}

  /** What there is of an installation. Throws E_INSTALL where it cannot be told. */
  found(): Found {
    const passwd = this.#text('/etc/passwd') ?? '';
    return {
      root: this.root,
      systemd: this.#systemd(),
      manifest: this.manifest(),
      at: (at) => this.#at(at),
      hasFolder: (at) => this.#stat(at)?.isDirectory() === true,
      hasAccount: (name) => hasAccount(passwd, name),
    };
  }

  manifest(): InstallManifest | undefined {
    const text = this.#text(MANIFEST);
    if (text === undefined) return undefined;
    const found = JSON.parse(text) as Partial<InstallManifest>;
    const lists = [found.files, found.links, found.folders, found.accounts];
    if (found.v !== 1 || !lists.every(Array.isArray))
      throw new MandateError('E_INSTALL', { saw: `${MANIFEST} is not what mandate wrote`, fix: 'restore it from a backup' });
    return found as InstallManifest;
  }

  writeManifest(manifest: InstallManifest): void {
    this.writeFile(MANIFEST, `${JSON.stringify(manifest, undefined, 2)}\n`);
  }

  makeFolder(at: string): void {
    mkdirSync(this.#place(at), { mode: FOLDER_MODE });
    chmodSync(this.#place(at), FOLDER_MODE);
  }

  /** Written aside and renamed: whole, or not at all. */
  writeFile(at: string, text: string): void {
    this.#write(at, text, { mode: FILE_MODE, uid: 0, gid: 0 });
  }

  makeLink(at: string, target: string): void {
    symlinkSync(target, this.#place(at));
  }

  removeFile(at: string): void {
    unlinkSync(this.#place(at));
  }

  /** Leaves it where something is in it. */
  removeEmptyFolder(at: string): void {
    try {
      rmdirSync(this.#place(at));
    } catch (thrown) {
      if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes(errnoOf(thrown))) throw thrown;
    }
  }

  removeAll(at: string): void {
    rmSync(this.#place(at), { recursive: true, force: true });
  }

  /** Adds system accounts to the files below /etc. Throws E_INSTALL where no number is free. */
  addAccounts(names: readonly string[]): void {
    for (const name of names) {
      const files = withAccount(this.#accountFiles(), name, STATE_FOLDER, NO_LOGIN);
      if (files === undefined) throw new MandateError('E_INSTALL', { saw: `no free number for the account ${name}` });
      this.#writeAccounts(files);
    }
  }

  removeAccounts(names: readonly string[]): void {
    for (const name of names) this.#writeAccounts(withoutAccount(this.#accountFiles(), name));
  }

  #accountFiles(): AccountFiles {
    return {
      passwd: this.#text('/etc/passwd') ?? '',
      group: this.#text('/etc/group') ?? '',
      shadow: this.#text('/etc/shadow'),
      gshadow: this.#text('/etc/gshadow'),
    };
  }

  /** Each file keeps owner and mode; one that is as it was is not touched. */
  #writeAccounts(files: AccountFiles): void {
    for (const name of ['passwd', 'group', 'shadow', 'gshadow'] as const) {
      const [at, text] = [`/etc/${name}`, files[name]];
      if (text !== undefined && text !== (this.#text(at) ?? ''))
        this.#write(at, text, this.#stat(at) ?? { mode: FILE_MODE, uid: 0, gid: 0 });
    }
  }

  #write(at: string, text: string, { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number }): void {
    const aside = `${this.#place(at)}.mandate-new`;
    rmSync(aside, { force: true });
    writeFileSync(aside, text, { flag: 'wx', mode: 0o600 });
    chownSync(aside, uid, gid);
    chmodSync(aside, mode & 0o7777);
    renameSync(aside, this.#place(at));
  }

  #systemd(): Systemd {
    if (this.root !== '/') return 'installed';
    if (existsSync(BOOTED)) return 'runs';
    return SYSTEMD.some((program) => existsSync(program)) ? 'installed' : 'absent';
  }

  #at(at: string): FoundAt {
    const stat = this.#stat(at);
    if (stat === undefined) return { kind: 'nothing' };
    if (stat.isSymbolicLink()) return { kind: 'link', target: readlinkSync(this.#place(at)) };
    if (!stat.isFile() || stat.size > MAX_BYTES) return { kind: 'other' };
    return { kind: 'file', sha256: sha256(readFileSync(this.#place(at))) };
  }

  #text(at: string): string | undefined {
    const stat = this.#stat(at);
    if (stat === undefined) return undefined;
    if (!stat.isFile() || stat.size > MAX_BYTES) throw new MandateError('E_INSTALL', { saw: `${at} is no plain file of a usual size` });
    return readFileSync(this.#place(at), 'utf8');
  }

  #stat(at: string) {
    return lstatSync(this.#place(at), { throwIfNoEntry: false });
  }

  /** Where a path of the tree is. Throws E_INSTALL for one that leads through a link. */
  #place(at: string): string {
    const names = at.split('/').slice(1);
    for (let depth = 1; depth < names.length; depth++) {
      const above = path.join(this.root, ...names.slice(0, depth));
      if (lstatSync(above, { throwIfNoEntry: false })?.isSymbolicLink() === true)
        throw new MandateError('E_INSTALL', {
          saw: `${above} is a link`,
          why: 'it may lead out of the tree',
          fix: 'put a folder in its place',
        });
    }
    return path.join(this.root, at);
  }
}
