import { closeSync, readFileSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { parseStat } from '../domain/proc-text';
import { Ancestors } from './ancestors';
import { KernelError } from './libc';
import { pidfdOpen } from './pidfd';
import { processKey } from './process-key';
import { PinnedProcess } from './process-view';
import type { Readiness } from './readiness';

/** All processes pinned now, each once however many connections it has. */
export class PinnedProcesses {
  readonly #byKey = new Map<string, PinnedProcess>();
  readonly #watches = new Map<PinnedProcess, () => void>();
  readonly #ancestors = new Ancestors();

  constructor(private readonly readiness: Readiness) {}

  /**
   * The pinned process at the other end of a socket, retained for the caller. Takes over `pidfd`; without one (before Linux 6.5) the
   * process that has the pid now is taken, if its user and group are those of the connection.
   * Throws E_PEER_NAMESPACE, E_PEER_GONE, E_ATTEST_UNREADABLE, and E_PEER_CREDENTIALS where the process no longer has the user and
   * group it connected with. It may have executed or changed its user since it was settled before: ask `recheck`.
   */
  fromPeer(pidfd: number | undefined, pid: number, uid: number, gid: number): PinnedProcess {
    if (pid <= 0) {
      if (pidfd !== undefined) closeSync(pidfd);
      throw new MandateError('E_PEER_NAMESPACE');
    }
    const pinned = this.pin(pidfd ?? openPid(pid), pid, { uid, gid });
    try {
      const now = pinned.credentials();
      if (now.uid !== uid || now.gid !== gid) {
        throw new MandateError('E_PEER_CREDENTIALS', {
          saw: `uid ${now.uid} gid ${now.gid}`,
          why: `it connected as uid ${uid} gid ${gid}`,
        });
      }
    } catch (thrown) {
      pinned.release();
      throw thrown;
    }
    return pinned;
  }

  /**
   * The process that has this pid now, retained for the caller. With `expectedKey` only if it is the one of that key: E_PEER_GONE
   * otherwise, as when there is none.
   */
  fromPid(pid: number, expectedKey?: string): PinnedProcess {
    if (!Number.isSafeInteger(pid) || pid <= 0) throw new MandateError('E_PEER_GONE', { saw: `pid ${pid}` });
    const pinned = this.pin(openPid(pid), pid, undefined);
    if (expectedKey !== undefined && pinned.key !== expectedKey) {
      pinned.release();
      throw new MandateError('E_PEER_GONE', { saw: `pid ${pid} is another process now` });
    }
    return pinned;
  }

  /** The process of this key where it is pinned and lives; not retained. */
  get(key: string): PinnedProcess | undefined {
    const pinned = this.#byKey.get(key);
    return pinned?.alive() ? pinned : undefined;
  }

  get size(): number {
    return this.#byKey.size;
  }

  private pin(pidfd: number, pid: number, credentials: { readonly uid: number; readonly gid: number } | undefined): PinnedProcess {
    const known = this.known(pidfd, pid);
    if (known !== undefined) {
      closeSync(pidfd);
      return known.retain();
    }
    const pinned = new PinnedProcess(pidfd, pid, credentials, this.#ancestors, (released) => this.forget(released));
    this.#byKey.set(pinned.key, pinned);
    this.#watches.set(
      pinned,
      this.readiness.once(pidfd, () => pinned.noteExit()),
    );
    return pinned;
  }

  private known(pidfd: number, pid: number): PinnedProcess | undefined {
    try {
      return this.#byKey.get(processKey(pidfd, pid, () => startTicksOf(pid)));
    } catch (cause) {
      closeSync(pidfd);
      throw new MandateError('E_PEER_GONE', {}, { cause });
    }
  }

  private forget(released: PinnedProcess): void {
    this.#watches.get(released)?.();
    this.#watches.delete(released);
    if (this.#byKey.get(released.key) === released) this.#byKey.delete(released.key);
  }
}

const startTicksOf = (pid: number): string => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks ?? '';

function openPid(pid: number): number {
  try {
    return pidfdOpen(pid);
  } catch (cause) {
    if (cause instanceof KernelError && (cause.code === 'ESRCH' || cause.code === 'EINVAL')) {
      throw new MandateError('E_PEER_GONE', { saw: `no process ${pid}` }, { cause });
    }
    throw cause;
  }
}
