import { closeSync } from 'node:fs';
import { asMandateError, MandateError } from '../domain/errors';
import type { AncestorView, ExeHandle, ProcessView } from '../domain/ports';
import { layoutReadable, parseStat, stackNotRandomised, statusField, statusIds, withoutRandomisation } from '../domain/proc-text';
import type { Stat } from '../domain/proc-text';
import { walkAncestors } from './ancestors';
import { KernelError } from './libc';
import { memoryLives, pidfdAlive, pidfdInfo } from './pidfd';
import { ProcFolder, readRecord } from './proc-folder';
import { ownMounts, processKey } from './process-key';

/** The program as it was when the process was last settled. */
interface Program {
  /** Open /proc/PID/mem or maps: ends with the address space that was there when it was opened. */
  readonly memory: number;
  readonly layout: string;
  readonly exeInode: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * One process, held by a pidfd and by its open /proc folder: neither can come to mean another process.
 *
 * It knows one program at a time. `settle` takes the program that runs now as the one to attest; `executed` and `recheck` compare with
 * it. Tamper-evident rather than proof: a process that keeps its old memory alive in a child and puts its layout back goes unseen.
 */
export class PinnedProcess implements ProcessView {
  readonly key: string;
  readonly startTicks: string;
  readonly #folder: ProcFolder;
  readonly #stat: number;
  readonly #status: number;
  #uid: number;
  #gid: number;
  #program: Program | undefined;
  /** Why the program could not be settled; until it is, every check fails with it. */
  #fault: MandateError | undefined;
  #references = 1;
  #exited = false;
  readonly #onExit = new Set<() => void>();

  /** Takes over `pidfd`, also when it throws. `uid` and `gid` are what the kernel named at the connection, or the effective ones now. */
  constructor(
    readonly pidfd: number,
    readonly pid: number,
    credentials: { readonly uid: number; readonly gid: number } | undefined,
    private readonly onReleased: (released: PinnedProcess) => void,
  ) {
    let folder: ProcFolder | undefined;
    let stat: number | undefined;
    try {
      folder = new ProcFolder(pid, () => this.alive());
      this.#folder = folder;
      stat = folder.open('stat');
      this.#stat = stat;
      this.#status = folder.open('status');
    } catch (thrown) {
      if (stat !== undefined) closeSync(stat);
      folder?.close();
      closeSync(pidfd);
      throw thrown;
    }
    try {
      this.startTicks = this.stat().startTicks;
      this.key = processKey(pidfd, pid, () => this.startTicks);
      const { uid, gid } = credentials ?? this.credentials();
      this.#uid = uid;
      this.#gid = gid;
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    try {
      this.settle();
    } catch {
      // Kept in #fault: who may not be attested must still be told why.
    }
  }

  /** Effective user and group of the settled program. */
  get uid(): number {
    return this.#uid;
  }

  get gid(): number {
    return this.#gid;
  }

  /** `dev:ino` of the settled program; undefined where it could not be settled. */
  get exeInode(): string | undefined {
    return this.#program?.exeInode;
  }

  alive(): boolean {
    return !this.#exited && this.#references > 0 && pidfdAlive(this.pidfd);
  }

  read(file: string): string {
    return this.#folder.read(file);
  }

  link(name: string): string {
    return this.#folder.link(name);
  }

  openExe(): ExeHandle {
    return this.#folder.openExe();
  }

  /** A path below /proc/PID that can only ever mean this process, e.g. `root/usr/bin/env` for a file as it sees it. */
  path(below: string): string {
    return this.#folder.path(below);
  }

  ancestors(): { readonly chain: readonly AncestorView[]; readonly end: string } {
    return walkAncestors(this.pidfd, this.pid, () => this.stat().ppid);
  }

  sameMounts(): boolean {
    return this.link('ns/mnt') === ownMounts();
  }

  cgroupId(): string | undefined {
    try {
      return pidfdInfo(this.pidfd)?.cgroupId || undefined;
    } catch (cause) {
      throw new MandateError('E_PEER_GONE', {}, { cause });
    }
  }

  /**
   * Takes what runs now as the program to attest. Throws E_PEER_GONE, E_ATTEST_UNREADABLE (never taken for "unchanged"), and
   * E_PEER_LAYOUT where randomisation is off, since then a later exec leaves no trace in the layout.
   */
  settle(): void {
    try {
      const program = this.currentProgram();
      this.dropProgram();
      this.#program = program;
      this.#uid = program.uid;
      this.#gid = program.gid;
      this.#fault = undefined;
    } catch (thrown) {
      this.dropProgram();
      this.#fault = asMandateError(thrown);
      throw this.#fault;
    }
  }

  /** True where the process has executed a program, be it the same file, since it was settled. */
  executed(): boolean {
    const program = this.#program;
    if (program === undefined) return false;
    if (memoryLives(program.memory) && this.layout() === program.layout && this.#folder.exeInode() === program.exeInode) return false;
    if (!this.alive()) throw new MandateError('E_PEER_GONE');
    return true;
  }

  /**
   * Throws unless this is still the settled program under the same user and group, and nobody traces it: E_PEER_GONE, E_PEER_EXEC,
   * E_PEER_CREDENTIALS, E_PEER_TRACED, or why it could not be settled.
   */
  recheck(): void {
    if (!this.alive()) throw new MandateError('E_PEER_GONE');
    if (this.#fault !== undefined) throw this.#fault;
    if (this.executed()) throw new MandateError('E_PEER_EXEC');
    const { uid, gid } = this.credentials();
    if (uid !== this.#uid || gid !== this.#gid) {
      throw new MandateError('E_PEER_CREDENTIALS', {
        saw: `uid ${uid} gid ${gid}`,
        why: `it was attested as uid ${this.#uid} gid ${this.#gid}`,
      });
    }
    const tracer = statusField(this.status(), 'TracerPid');
    if (tracer !== '0') throw new MandateError('E_PEER_TRACED', { saw: `tracer pid ${tracer ?? 'unknown'}` });
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
    const status = this.status();
    const uid = statusIds(status, 'Uid');
    const gid = statusIds(status, 'Gid');
    if (uid === undefined || gid === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: 'no ids in /proc/PID/status' });
    return { uid: uid.effective, gid: gid.effective };
  }

  /** Runs `ended` once, when the process has ended; at once where it already has. The returned function takes it back. */
  onExit(ended: () => void): () => void {
    if (this.#exited) ended();
    else this.#onExit.add(ended);
    return () => void this.#onExit.delete(ended);
  }

  /** Called by the exit watch alone. */
  noteExit(): void {
    if (this.#exited) return;
    this.#exited = true;
    const listeners = [...this.#onExit];
    this.#onExit.clear();
    for (const ended of listeners) ended();
  }

  /** Keeps the process pinned for one more holder; each holder calls `release` once. */
  retain(): this {
    this.#references += 1;
    return this;
  }

  /** Gives the pin back; the last holder's call closes it. */
  release(): void {
    this.#references -= 1;
    if (this.#references !== 0) return;
    this.onReleased(this);
    this.close();
  }

  private close(): void {
    this.#references = 0;
    this.dropProgram();
    closeSync(this.#stat);
    closeSync(this.#status);
    this.#folder.close();
    closeSync(this.pidfd);
  }

  private dropProgram(): void {
    if (this.#program !== undefined) closeSync(this.#program.memory);
    this.#program = undefined;
  }

  private currentProgram(): Program {
    // An exec in the middle would mix two programs: the address space opened first must still be there at the end.
    for (let attempt = 0; attempt < 3; attempt++) {
      const memory = this.openMemory();
      try {
        if (this.withoutRandomisation()) {
          throw new MandateError('E_PEER_LAYOUT', { fix: 'start it without `setarch -R`, and outside a debugger' });
        }
        const program = { memory, layout: this.layout(), exeInode: this.#folder.exeInode(), ...this.credentials() };
        if (memoryLives(memory) && this.layout() === program.layout) return program;
      } catch (thrown) {
        closeSync(memory);
        throw thrown;
      }
      closeSync(memory);
    }
    throw new MandateError(this.alive() ? 'E_PEER_EXEC' : 'E_PEER_GONE');
  }

  /** Where only ancestors may attach to a process (Yama), `mem` and `personality` are shut and `maps` is still open to the same user. */
  private openMemory(): number {
    return this.firstReadable(
      () => this.#folder.open('mem'),
      () => this.#folder.open('maps'),
    );
  }

  private withoutRandomisation(): boolean {
    return this.firstReadable(
      () => withoutRandomisation(this.read('personality')),
      () => stackNotRandomised(this.read('maps')),
    );
  }

  private firstReadable<T>(first: () => T, second: () => T): T {
    try {
      return first();
    } catch (thrown) {
      if (asMandateError(thrown).code !== 'E_ATTEST_UNREADABLE') throw thrown;
      return second();
    }
  }

  private layout(): string {
    const stat = this.stat();
    if (!layoutReadable(stat))
      throw new MandateError(this.alive() ? 'E_ATTEST_UNREADABLE' : 'E_PEER_GONE', { saw: 'no layout in /proc/PID/stat' });
    return stat.layout.join(':');
  }

  private status(): string {
    return this.readOpen(this.#status);
  }

  /** Kept open since every check reads it. Who opened it decides what it shows, and the node's rights do not change. */
  private readOpen(fd: number): string {
    try {
      return readRecord(fd);
    } catch (cause) {
      throw new MandateError(this.alive() ? 'E_ATTEST_UNREADABLE' : 'E_PEER_GONE', {}, { cause });
    }
  }

  private stat(): Stat {
    const stat = parseStat(this.readOpen(this.#stat));
    if (stat === undefined) throw new MandateError('E_ATTEST_UNREADABLE', { saw: '/proc/PID/stat is cut short' });
    return stat;
  }
}
