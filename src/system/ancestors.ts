import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { fileText } from '../domain/file-text';
import type { AncestorView } from '../domain/ports';
import { parseStat, statusIds } from '../domain/proc-text';
import { pidfdAlive, pidfdInfo, pidfdOpen } from './pidfd';
import { ownMounts, processKey } from './process-key';

const MAX_DEPTH = 64;
const MAX_ATTEMPTS = 5;

interface Parent {
  readonly view: AncestorView;
  readonly pidfd: number;
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
  const chain: AncestorView[] = [];
  const opened: number[] = [];
  let child = pidfd;
  let fallbackPpid = ppidOfFirst;
  try {
    while (chain.length < MAX_DEPTH) {
      const parent = parentOf(child, fallbackPpid);
      if (typeof parent === 'string') return { chain, end: parent };
      opened.push(parent.pidfd);
      chain.push(parent.view);
      if (parent.view.pid === 1) return { chain, end: 'init' };
      child = parent.pidfd;
      fallbackPpid = () => parseStat(readFileSync(`/proc/${parent.view.pid}/stat`, 'latin1'))?.ppid ?? 0;
    }
    return { chain, end: 'depth' };
  } finally {
    opened.forEach((fd) => closeSync(fd));
  }
}

function parentOf(child: number, fallbackPpid: () => number): Parent | string {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      const before = ppid(child, fallbackPpid);
      if (before === 0) return 'outside';
      const parent = pinParent(child, before, fallbackPpid);
      if (parent !== undefined) return parent;
    } catch {
      if (!pidfdAlive(child)) return 'gone';
    }
  }
  return 'unstable';
}

function pinParent(child: number, pid: number, fallbackPpid: () => number): Parent | undefined {
  const pidfd = pidfdOpen(pid);
  let view: AncestorView | undefined;
  try {
    if (ppid(child, fallbackPpid) === pid) view = describe(pidfd, pid);
    return view && { view, pidfd };
  } finally {
    if (view === undefined) closeSync(pidfd);
  }
}

const ppid = (child: number, fallback: () => number): number => pidfdInfo(child)?.ppid ?? fallback();

/** Undefined where the process ended meanwhile: what was read by its pid may then be about another one. */
function describe(pidfd: number, pid: number): AncestorView | undefined {
  const uid = pidfdInfo(pidfd)?.euid ?? statusIds(readFileSync(`/proc/${pid}/status`, 'latin1'), 'Uid')?.effective ?? -1;
  const key = processKey(pidfd, pid, () => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks ?? '');
  let exe = '';
  let sameMounts = false;
  try {
    exe = fileText(readlinkSync(`/proc/${pid}/exe`, 'latin1'));
    sameMounts = readlinkSync(`/proc/${pid}/ns/mnt`) === ownMounts();
  } catch {
    // Another user's process: who it is stays known, what it runs does not.
  }
  return pidfdAlive(pidfd) ? { key, pid, uid, exe, sameMounts } : undefined;
}
