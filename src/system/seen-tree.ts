import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { fileSystemOf, folderAt, handleAt, type InodeStat, isFile, isFolder, isLink, linkAt, readable, statOf } from './below';

const MAX_LINKS = 40;
const MAX_PARTS = 512;
const CHUNK_BYTES = 256 * 1024;
const SMALL_BYTES = 4 * 1024;
/** What is no file of anybody: its content depends on who reads it. */
const PROC_FS = 0x9fa0;
const SYS_FS = 0x62656572;

/** For whom a file is looked up: its permissions decide, not ours. */
export interface OnBehalfOf {
  readonly uid: number;
  readonly groups: ReadonlySet<number>;
}

/** A file that is open for reading. */
export interface OpenFile {
  readonly fd: number;
  readonly sizeBytes: number;
}

export type Opened = OpenFile | 'absent' | 'refused';

/** What a path led to. */
interface Reached {
  readonly fd: number;
  readonly stat: InodeStat;
}

/**
 * Files as one process sees them: absolute paths, and links to such, start at its root, others at its working folder. Each step is taken
 * from an open folder, so what was checked is what is opened, and only where the user of the process could have gone; access lists beyond
 * the mode bits are not asked. To be used on a thread that may wait: a file system served by a process answers when it likes.
 */
export class SeenTree {
  /** Folders that were reached without a link, by path; most files of one look lie in few folders. */
  readonly #folders = new Map<string, number | 'absent' | 'refused'>();

  /** `folder`: descriptor of its /proc folder. */
  constructor(
    private readonly folder: number,
    private readonly behalf: OnBehalfOf,
  ) {}

  /** A regular file, open for reading; the caller closes it. */
  open(path: string): Opened {
    const found = this.#reach(path);
    if (typeof found === 'string') return found;
    const { fd, stat } = found;
    try {
      if (!isFile(stat) || !this.#may(stat, 4)) return 'refused';
      const type = fileSystemOf(fd);
      if (type === PROC_FS || type === SYS_FS) return 'refused';
      return { fd: readable(fd), sizeBytes: stat.sizeBytes };
    } catch {
      return 'refused';
    } finally {
      closeSync(fd);
    }
  }

  /** What a path leads to, without a look at it: its stat, with all links followed; undefined where there is nothing. */
  stat(path: string): InodeStat | undefined {
    const found = this.#reach(path);
    return typeof found === 'string' ? undefined : closed(found.fd, found.stat);
  }

  close(): void {
    for (const folder of this.#folders.values()) if (typeof folder === 'number') closeSync(folder);
    this.#folders.clear();
  }

  /** What a path leads to, under a descriptor that the caller closes. */
  #reach(path: string): Reached | 'absent' | 'refused' {
    const plain = path.startsWith('/') && !/\/(\.{0,2}\/|\.{0,2}$)/.test(path);
    return (plain ? this.#step(path) : undefined) ?? this.#find(path);
  }

  /** One step from the folder that a plain path lies in; undefined where a link is on the way. */
  #step(path: string): Reached | 'absent' | 'refused' | undefined {
    const end = path.lastIndexOf('/');
    const folder = this.#folder(path.slice(0, end));
    if (typeof folder !== 'number') return folder;
    const next = handleAt(folder, path.slice(end + 1));
    if (typeof next === 'string') return next;
    const reached = reachedBy(next);
    return typeof reached === 'object' && isLink(reached.stat) ? closed(next, undefined) : reached;
  }

  #folder(path: string): number | 'absent' | 'refused' | undefined {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const found = path === '' ? reachedBy(this.#start('root')) : this.#step(path);
    if (found === undefined) return undefined;
    const searched = typeof found === 'object' ? this.#searchable(found) : found;
    this.#folders.set(path, searched);
    return searched;
  }

  #searchable({ fd, stat }: Reached): number | 'absent' | 'refused' {
    if (!isFolder(stat)) return closed(fd, 'absent');
    return this.#may(stat, 1) ? fd : closed(fd, 'refused');
  }

  #find(path: string): Reached | 'absent' | 'refused' {
    const root = this.#start('root');
    try {
      const found = this.#walk(path, root);
      return typeof found === 'string' ? found : reachedBy(found);
    } finally {
      closeSync(root);
    }
  }

  #walk(path: string, root: number): number | 'absent' | 'refused' {
    let here = this.#start(path.startsWith('/') ? 'root' : 'cwd');
    let pending = parts(path);
    let links = 0;
    try {
      while (pending.length > 0) {
        const [name = '', ...rest] = pending;
        const stat = statOf(here);
        if (!isFolder(stat)) return closed(here, 'absent');
        if (!this.#may(stat, 1) || pending.length > MAX_PARTS) return closed(here, 'refused');
        pending = rest;
        if (name === '..' && sameInode(stat, statOf(root))) continue;
        const next = handleAt(here, name);
        if (typeof next === 'string') return closed(here, next);
        const kind = statOrClose(next);
        if (kind === undefined) return closed(here, 'refused');
        if (!isLink(kind)) {
          closeSync(here);
          here = next;
          continue;
        }
        const target = targetOf(next);
        if (target === undefined || ++links > MAX_LINKS) return closed(here, 'refused');
        pending = [...parts(target), ...pending];
        if (!target.startsWith('/')) continue;
        const top = this.#start('root');
        closeSync(here);
        here = top;
      }
      return here;
    } catch {
      return closed(here, 'refused');
    }
  }

  #start(link: 'root' | 'cwd'): number {
    return folderAt(this.folder, link);
  }

  /** `bit`: 4 read, 2 write, 1 search. */
  #may(stat: InodeStat, bit: number): boolean {
    return may(this.behalf, stat, bit);
  }
}

/** What the mode bits allow: 4 read, 2 write, 1 search or execute. */
export function may({ uid, groups }: OnBehalfOf, stat: InodeStat, bit: number): boolean {
  if (uid === 0) return true;
  const shift = stat.uid === uid ? 6 : groups.has(stat.gid) ? 3 : 0;
  return ((stat.mode >> shift) & bit) !== 0;
}

const parts = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

const sameInode = (a: InodeStat, b: InodeStat): boolean => a.inode === b.inode && a.major === b.major && a.minor === b.minor;

/** What a link says, as text, also where it is one of the kernel's own: those lead where no path does. Closes it. */
function targetOf(link: number): string | undefined {
  try {
    return linkAt(link, '');
  } catch {
    return undefined;
  } finally {
    closeSync(link);
  }
}

function reachedBy(fd: number): Reached | 'refused' {
  const stat = statOrClose(fd);
  return stat === undefined ? 'refused' : { fd, stat };
}

/** Undefined, and the handle closed, where whoever serves the file does not say. */
function statOrClose(fd: number): InodeStat | undefined {
  try {
    return statOf(fd);
  } catch {
    return closed(fd, undefined);
  }
}

function closed<T>(fd: number, outcome: T): T {
  closeSync(fd);
  return outcome;
}

/** SHA-256 of an open file in lower-case hex, and its bytes where `keep`; undefined where it has more than `maxBytes`. */
export function readWhole(
  { fd, sizeBytes }: OpenFile,
  maxBytes: number,
  keep: boolean,
): { readonly sha256: string; readonly bytes: Buffer } | undefined {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  // Most files are small, and fresh memory costs more than they do. One that lies about its size, or grows, is read to its end all the same.
  const chunk = Buffer.allocUnsafe(Math.min(Math.max(sizeBytes + 1, SMALL_BYTES), CHUNK_BYTES, maxBytes + 1));
  let total = 0;
  for (let length = 1; length > 0;) {
    length = readSync(fd, chunk, 0, chunk.length, total);
    total += length;
    if (total > maxBytes) return undefined;
    hash.update(chunk.subarray(0, length));
    if (keep) kept.push(Buffer.from(chunk.subarray(0, length)));
  }
  return { sha256: hash.digest('hex'), bytes: Buffer.concat(kept) };
}
