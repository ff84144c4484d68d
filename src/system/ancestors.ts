import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { fileText } from '../domain/file-text';
import type { AncestorView } from '../domain/attestation';
import { parseStat, statusIds } from '../domain/proc-text';
import { pidfdAlive, pidfdInfo, pidfdOpen } from './pidfd';
import { ownMounts, processKey } from './process-key';

const MAX_DEPTH = 64;
const MAX_ATTEMPTS = 5;

/** A pinned process on the way up, and whom it named as its parent when it was last asked. */
interface Hop {
  readonly pidfd: number;
  readonly ppid: () => number;
  readonly named: number | undefined;
}

interface Parent extends Hop {
  readonly view: AncestorView;
}

/**
 * Living ancestors of the process behind `pidfd`, nearest first. A parent counts only if its child still named it after it was pinned, so
 * a pid that was taken again in between is never mistaken for it. `end` is `init` where pid 1 was reached; otherwise `depth` (64 hops),
 * `outside` (the parent is in a pid namespace that ours does not show), `unstable` or `gone` (the tree changed while it was read).
 */
export function walkAncestors(
  pidfd: number,
  pid: number,
  ppidOfFirst: () => number,
): { readonly chain: readonly AncestorView[]; readonly end: string } {
  if (pid === 1) return { chain: [], end: 'init' };
  const parents: Parent[] = [];
  const ended = (end: string) => ({ chain: parents.map(({ view }) => view), end });
  let child: Hop = { pidfd, ppid: () => pidfdInfo(pidfd)?.ppid ?? ppidOfFirst(), named: undefined };
  try {
    while (parents.length < MAX_DEPTH) {
      const parent = parentOf(child);
      if (typeof parent === 'string') return ended(parent);
      parents.push(parent);
      if (parent.view.pid === 1) return ended('init');
      child = parent;
    }
    return ended('depth');
  } finally {
    parents.forEach((parent) => closeSync(parent.pidfd));
  }
}

function parentOf(child: Hop): Parent | string {
  let named = child.named;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      named ??= child.ppid();
      if (named === 0) return 'outside';
      const parent = pinParent(child, named);
      if (parent !== undefined) return parent;
    } catch {
      if (!pidfdAlive(child.pidfd)) return 'gone';
    }
    named = undefined;
  }
  return 'unstable';
}

function pinParent(child: Hop, pid: number): Parent | undefined {
  const pidfd = pidfdOpen(pid);
  let parent: Parent | undefined;
  try {
    if (child.ppid() === pid) parent = describe(pidfd, pid);
    return parent;
  } finally {
    if (parent === undefined) closeSync(pidfd);
  }
}

/** Undefined where the process ended meanwhile: what was read by its pid may then be about another one. */
function describe(pidfd: number, pid: number): Parent | undefined {
  const stat = () => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const info = pidfdInfo(pidfd);
  const uid = info?.euid ?? statusIds(readFileSync(`/proc/${pid}/status`, 'latin1'), 'Uid')?.effective ?? -1;
  const key = processKey(pidfd, pid, () => stat()?.startTicks ?? '');
  let exe = '';
  let sameMounts = false;
  try {
    exe = fileText(readlinkSync(`/proc/${pid}/exe`, 'latin1'));
    sameMounts = readlinkSync(`/proc/${pid}/ns/mnt`) === ownMounts();
  } catch {
    // Another user's process: who it is stays known, what it runs does not.
  }
  if (!pidfdAlive(pidfd)) return undefined;
  const ppid = () => pidfdInfo(pidfd)?.ppid ?? stat()?.ppid ?? 0;
  return { pidfd, ppid, named: info?.ppid, view: { key, pid, uid, exe, sameMounts } };
}
