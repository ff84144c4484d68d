import { closeSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { layoutReadable, parseStat, type Stat, statusIds } from '../domain/proc-text';
import { KernelError } from './libc';
import { pidfdInfo } from './pidfd';
import { type ProcFolder, readRecord } from './proc-folder';

/**
 * What every check of a process reads again: its `stat` and `status`, kept open since that is half the cost of reading them. Who opened
 * them decides what they show, and the node's rights do not change.
 */
export class ProcessRecords {
  readonly #stat: number;
  readonly #status: number;

  constructor(
    private readonly pidfd: number,
    folder: ProcFolder,
    private readonly alive: () => boolean,
  ) {
    this.#stat = folder.open('stat');
    try {
      this.#status = folder.open('status');
    } catch (thrown) {
      closeSync(this.#stat);
      throw thrown;
    }
  }

  statText(): string {
    return this.#read(this.#stat);
  }

  stat(): Stat {
    const stat = parseStat(this.statText());
    if (stat === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: '/proc/PID/stat is cut short' });
    return stat;
  }

  status(): string {
    return this.#read(this.#status);
  }

  /** Addresses that exec chooses anew, as one text to compare, and what was read with them. */
  laidOut(): { readonly layout: string; readonly startTicks: string } {
    const stat = this.stat();
    if (!layoutReadable(stat)) throw this.#unreadable({ saw: 'no layout in /proc/PID/stat' });
    return { layout: stat.layout.join(':'), startTicks: stat.startTicks };
  }

  /** Effective user and group now. */
  credentials(): { readonly uid: number; readonly gid: number } {
    try {
      const info = pidfdInfo(this.pidfd);
      if (info !== undefined) return { uid: info.euid, gid: info.egid };
    } catch (cause) {
      if (cause instanceof KernelError) throw new MandateError('E_PEER_GONE', {}, { cause });
      throw cause;
    }
    return effectiveIds(this.status());
  }

  close(): void {
    closeSync(this.#stat);
    closeSync(this.#status);
  }

  #read(fd: number): string {
    try {
      return readRecord(fd);
    } catch (cause) {
      throw this.#unreadable({}, cause);
    }
  }

  #unreadable(seen: { readonly saw?: string }, cause?: unknown): MandateError {
    return new MandateError(this.alive() ? 'E_ATTEST_UNREADABLE' : 'E_PEER_GONE', seen, { cause });
  }
}

/** Effective user and group of a /proc/PID/status text. Throws E_ATTEST_UNREADABLE. */
export function effectiveIds(status: string): { readonly uid: number; readonly gid: number } {
  const uid = statusIds(status, 'Uid');
  const gid = statusIds(status, 'Gid');
  if (uid === undefined || gid === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: 'no ids in /proc/PID/status' });
  return { uid: uid.effective, gid: gid.effective };
}
