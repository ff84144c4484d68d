import { closeSync, constants, openSync } from 'node:fs';
import { fileText } from '../domain/file-text';
import type { AncestorView } from '../domain/attestation';
import { parseStat, statusIds } from '../domain/proc-text';
import { linkIfShown } from './below';
import { errno, KernelError } from './libc';
import { pidfdAlive, pidfdInfo, pidfdOpen } from './pidfd';
import { recordAt } from './proc-folder';
import { machineMounts, processKey } from './process-key';

const MAX_DEPTH = 64;
const MAX_ATTEMPTS = 5;
/** Shells, terminals and service managers that stay pinned, since most newcomers have the same ones above them; more than one walk needs. */
const MAX_KEPT = 128;

/** A pinned process on the way up, and whom it named as its parent when it was last asked. */
interface Hop {
  readonly pidfd: number;
  readonly ppid: () => number;
  readonly named: number | undefined;
}

interface Parent extends Hop {
  readonly view: AncestorView;
}

interface Kept {
  readonly pidfd: number;
  readonly key: string;
  /** Its /proc folder, which is that of this process and of no later one with its pid; undefined where it is hidden from us. */
  readonly folder: number | undefined;
}

export interface Ancestry {
  readonly chain: readonly AncestorView[];
  /**
   * `init` where pid 1 was reached; otherwise `depth` (64 hops), `outside` (the parent is in a pid namespace that ours does not show),
   * `unstable` or `gone` (the tree changed while it was read).
   */
  readonly end: string;
}

/**
 * Finds living ancestors. A parent counts only if its child still named it while it was pinned, so a pid that was taken again in between
 * is never mistaken for it. What is kept of one is the pin alone: what it runs, and as whom, is read each time.
 */
export class Ancestors {
  /** By pid, the one that was seen last at the end. */
  readonly #kept = new Map<number, Kept>();

  /** Of the process behind `pidfd`, nearest first. */
  walk(pidfd: number, pid: number, ppidOfFirst: () => number): Ancestry {
    if (pid === 1) return { chain: [], end: 'init' };
    const chain: AncestorView[] = [];
    let child: Hop = { pidfd, ppid: () => pidfdInfo(pidfd)?.ppid ?? ppidOfFirst(), named: undefined };
    while (chain.length < MAX_DEPTH) {
      const parent = this.#parentOf(child);
      if (typeof parent === 'string') return { chain, end: parent };
      chain.push(parent.view);
      if (parent.view.pid === 1) return { chain, end: 'init' };
      child = parent;
    }
    return { chain, end: 'depth' };
  }

  #parentOf(child: Hop): Parent | string {
    let named = child.named;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      try {
        named ??= child.ppid();
        if (named === 0) return 'outside';
        const parent = this.#known(named) ?? this.#pin(child, named);
        if (parent !== undefined) return parent;
      } catch {
        if (!pidfdAlive(child.pidfd)) return 'gone';
      }
      named = undefined;
    }
    return 'unstable';
  }

  /** One that was pinned before its child named it and lives still: the pid meant it all the while. */
  #known(pid: number): Parent | undefined {
    const kept = this.#kept.get(pid);
    if (kept === undefined) return undefined;
    this.#kept.delete(pid);
    const parent = describeOrNothing(kept, pid);
    if (parent === undefined) letGo(kept);
    else this.#kept.set(pid, kept);
    return parent;
  }

  #pin(child: Hop, pid: number): Parent | undefined {
    const pin = pinOf(pid);
    let parent: Parent | undefined;
    try {
      if (child.ppid() !== pid) return undefined;
      parent = describe(pin, pid);
    } finally {
      if (parent === undefined) letGo(pin);
      else this.#keep(pid, pin);
    }
    return parent;
  }

  #keep(pid: number, pin: Kept): void {
    this.#kept.set(pid, pin);
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest] = this.#kept;
    this.#kept.delete(oldest![0]);
    letGo(oldest![1]);
  }
}

/** Throws KernelError ESRCH where there is none. */
function pinOf(pid: number): Kept {
  const pidfd = pidfdOpen(pid);
  let folder: number | undefined;
  try {
    folder = folderOf(pid);
    const key = processKey(pidfd, pid, () => statAt(folder)?.startTicks ?? '');
    // Opened while the process lived, so the folder is its own.
    if (!pidfdAlive(pidfd)) throw new KernelError('pidfd_open', errno.ESRCH);
    return { pidfd, key, folder };
  } catch (thrown) {
    letGo({ pidfd, folder });
    throw thrown;
  }
}

function folderOf(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
}

function letGo({ pidfd, folder }: Pick<Kept, 'pidfd' | 'folder'>): void {
  closeSync(pidfd);
  if (folder !== undefined) closeSync(folder);
}

const statAt = (folder: number | undefined) => (folder === undefined ? undefined : parseStat(recordAt(folder, 'stat')));

function describeOrNothing(pin: Kept, pid: number): Parent | undefined {
  try {
    return describe(pin, pid);
  } catch {
    return undefined;
  }
}

/** Undefined where the process has ended: one that has is nobody's ancestor. */
function describe({ pidfd, key, folder }: Kept, pid: number): Parent | undefined {
  const info = pidfdInfo(pidfd);
  const uid = info?.euid ?? (folder === undefined ? undefined : statusIds(recordAt(folder, 'status'), 'Uid')?.effective) ?? -1;
  // Of another user's process who it is stays known, what it runs does not.
  const shown = folder === undefined ? undefined : linkIfShown(folder, 'exe');
  const exe = shown === undefined ? '' : fileText(shown);
  const sameMounts = shown !== undefined && linkIfShown(folder!, 'ns/mnt') === machineMounts();
  if (!pidfdAlive(pidfd)) return undefined;
  const ppid = () => pidfdInfo(pidfd)?.ppid ?? statAt(folder)?.ppid ?? 0;
  return { pidfd, ppid, named: info?.ppid, view: { key, pid, uid, exe, sameMounts } };
}
