import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Holders, Holding } from '../domain/connection';
import { MAX_NAMED_PIDS } from '../domain/connection';
import { errnoOf } from './errno';
import { descriptorFolders } from './file-tables';

/** The most that is looked at: past it nobody is known to be alone. */
const MAX_PROCESSES = 32_768;
const MAX_DESCRIPTORS = 262_144;
/** How often processes that came meanwhile are looked at too, before it is given up. */
const MAX_ROUNDS = 10;

const GONE = ['ENOENT', 'ESRCH'];

/**
 * Who holds these sockets, given by inode, beside the process that is to hold all of them alone. Looks at every process of our pid
 * namespace, and at those that came meanwhile until none did: a holder that forks and ends could otherwise be missed each time.
 *
 * A descriptor that was sent and not received is in nobody's table, so a socket that any are on the way to counts as a holder. What is
 * held without a descriptor is not seen: a read that began before its descriptor was closed, and files registered with io_uring.
 */
export const lookForHolders = (pid: number, sockets: readonly string[]): Holders => new Look(pid, sockets).holders();

class Look {
  readonly #wanted: ReadonlySet<string>;
  /** Those of the wanted that the process itself holds. */
  readonly #held = new Set<string>();
  readonly #looked = new Set<number>();
  readonly #sharing = new Set<number>();
  readonly #receiving = new Set<number>();
  readonly #unread = new Set<number>();
  /** Sockets whose queue was asked for; many processes hold the same ones. */
  readonly #asked = new Set<string>();
  #descriptors = 0;

  constructor(
    private readonly pid: number,
    sockets: readonly string[],
  ) {
    this.#wanted = new Set(sockets.map((inode) => `socket:[${inode}]`));
  }

  holders(): Holders {
    const settled = this.#lookAtAll();
    const said = (holding: Holding, pids: ReadonlySet<number> = new Set()): Holders => ({
      holding,
      pids: [...pids].sort((a, b) => a - b).slice(0, MAX_NAMED_PIDS),
    });
    if (this.#sharing.size > 0) return said('shared', this.#sharing);
    if (this.#receiving.size > 0) return said('in-flight', this.#receiving);
    if (this.#unread.size > 0) return said('unreadable', this.#unread);
    if (!settled) return said(this.#tooMany() ? 'too-many' : 'unsettled');
    return said(this.#held.size === this.#wanted.size ? 'sole' : 'unheld');
  }

  /** False where it was given up. */
  #lookAtAll(): boolean {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const fresh = processes().filter((pid) => !this.#looked.has(pid));
      if (fresh.length === 0) return true;
      for (const pid of fresh) {
        if (this.#tooMany()) return false;
        this.#looked.add(pid);
        this.#lookAt(pid);
      }
    }
    return false;
  }

  #tooMany(): boolean {
    return this.#looked.size >= MAX_PROCESSES || this.#descriptors >= MAX_DESCRIPTORS;
  }

  #lookAt(pid: number): void {
    this.#orUnread(pid, () => {
      for (const folder of descriptorFolders(pid)) this.#orUnread(pid, () => this.#lookInto(folder, pid));
    });
  }

  #lookInto(folder: string, pid: number): void {
    for (const name of readdirSync(folder)) {
      this.#descriptors += 1;
      if (this.#tooMany()) return;
      this.#orUnread(pid, () => {
        const file = readlinkSync(`${folder}/${name}`);
        if (this.#wanted.has(file)) this.#found(file, pid);
        else if (file.startsWith('socket:') && this.#awaitsDescriptors(file, `${folder}info/${name}`)) this.#receiving.add(pid);
      });
    }
  }

  #found(file: string, pid: number): void {
    if (pid === this.pid) this.#held.add(file);
    else this.#sharing.add(pid);
  }

  /** True where descriptors were sent to this unix socket that nobody has received (unix(7), SCM_RIGHTS). */
  #awaitsDescriptors(file: string, info: string): boolean {
    if (this.#asked.has(file)) return false;
    const waiting = /^scm_fds:\s*[1-9]/m.test(readFileSync(info, 'latin1'));
    this.#asked.add(file);
    return waiting;
  }

  /** What has gone meanwhile holds nothing any more; what may not be read could hold anything. */
  #orUnread(pid: number, look: () => void): void {
    try {
      look();
    } catch (thrown) {
      if (!GONE.includes(errnoOf(thrown))) this.#unread.add(pid);
    }
  }
}

const processes = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
