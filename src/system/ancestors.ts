import { closeSync, readFileSync } from 'node:fs';
import { fileText } from '../domain/file-text';
import type { AncestorView } from '../domain/attestation';
import { parseStat, statusIds } from '../domain/proc-text';
import { linkBy } from './below';
import { pidfdAlive, pidfdInfo, pidfdOpen } from './pidfd';
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
    if (parent === undefined) closeSync(kept.pidfd);
    else this.#kept.set(pid, kept);
    return parent;
  }

  #pin(child: Hop, pid: number): Parent | undefined {
    const pidfd = pidfdOpen(pid);
    let parent: Parent | undefined;
    try {
      if (child.ppid() !== pid) return undefined;
      const key = processKey(pidfd, pid, () => statOf(pid)?.startTicks ?? '');
      parent = describe({ pidfd, key }, pid);
    } finally {
      if (parent === undefined) closeSync(pidfd);
      else this.#keep(pid, { pidfd, key: parent.view.key });
    }
    return parent;
  }

  #keep(pid: number, pin: Kept): void {
    this.#kept.set(pid, pin);
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest] = this.#kept;
    this.#kept.delete(oldest![0]);
    closeSync(oldest![1].pidfd);
  }
}

const statOf = (pid: number) => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));

function describeOrNothing(pin: Kept, pid: number): Parent | undefined {
  try {
    return describe(pin, pid);
  } catch {
    return undefined;
  }
}

/** Undefined where the process ended meanwhile: what was read by its pid may then be about another one. */
function describe({ pidfd, key }: Kept, pid: number): Parent | undefined {
  const info = pidfdInfo(pidfd);
  const uid = info?.euid ?? statusIds(readFileSync(`/proc/${pid}/status`, 'latin1'), 'Uid')?.effective ?? -1;
  let exe = '';
  let sameMounts = false;
  try {
    exe = fileText(linkBy(`/proc/${pid}/exe`));
    sameMounts = linkBy(`/proc/${pid}/ns/mnt`) === machineMounts();
  } catch {
    // Another user's process: who it is stays known, what it runs does not.
  }
  if (!pidfdAlive(pidfd)) return undefined;
  const ppid = () => pidfdInfo(pidfd)?.ppid ?? statOf(pid)?.ppid ?? 0;
  return { pidfd, ppid, named: info?.ppid, view: { key, pid, uid, exe, sameMounts } };
}
