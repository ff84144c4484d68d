import { closeSync, readFileSync } from 'node:fs';
import type { SessionHop } from '../domain/administration';
import type { AncestorView, ProcessView } from '../domain/attestation';
import { parseStat, statusField, statusIds } from '../domain/proc-text';
import { pidfdAlive, pidfdOpen } from './pidfd';
import { processKey } from './process-key';

/** A process and its living ancestors as the kernel shows them now. The list ends before one that cannot be read or is gone. */
export function sessionOf(process: ProcessView, chain: readonly AncestorView[]): readonly SessionHop[] {
  const hops = [hopOf(process.read('stat'), process.read('status'))];
  for (const ancestor of chain) {
    const hop = ancestorHop(ancestor);
    if (hop === undefined) break;
    hops.push(hop);
  }
  return hops.filter((hop) => hop !== undefined);
}

/** Pinned while it is read: what is read by the pid of another process is thrown away. */
function ancestorHop({ pid, key }: AncestorView): SessionHop | undefined {
  try {
    const pidfd = pidfdOpen(pid);
    try {
      const read = (file: 'stat' | 'status') => readFileSync(`/proc/${pid}/${file}`, 'latin1');
      const stat = read('stat');
      const hop = hopOf(stat, read('status'));
      const same = processKey(pidfd, pid, () => parseStat(stat)?.startTicks ?? '') === key;
      return same && pidfdAlive(pidfd) ? hop : undefined;
    } finally {
      closeSync(pidfd);
    }
  } catch {
    return undefined;
  }
}

function hopOf(stat: string, status: string): SessionHop | undefined {
  const uid = statusIds(status, 'Uid');
  const tty = parseStat(stat)?.tty;
  if (uid === undefined || tty === undefined) return undefined;
  return { name: statusField(status, 'Name') ?? '', realUid: uid.real, effectiveUid: uid.effective, tty };
}
