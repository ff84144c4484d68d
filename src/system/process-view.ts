import { closeSync } from 'node:fs';
import { asMandateError, MandateError } from '../domain/errors';
import type { ExeHandle, FolderHandle, ProcessView } from '../domain/attestation';
import { statusField } from '../domain/proc-text';
import type { Ancestors, Ancestry } from './ancestors';
import { pidfdAlive, pidfdInfo, pidfdSignal } from './pidfd';
import { ProcFolder } from './proc-folder';
import { machineMounts, processKey } from './process-key';
import { effectiveIds, ProcessRecords } from './process-records';
import { ProgramImage } from './program-image';

/**
 * One process, held by a pidfd and by its open /proc folder: neither can come to mean another process.
 *
 * It knows one program at a time. `settle` takes the program that runs now as the one to attest; `executed` and `recheck` compare with
 * it. Tamper-evident rather than proof: a process that keeps its old memory alive in a child and puts its layout back goes unseen.
 */
export class PinnedProcess implements ProcessView {
  readonly key: string;
  readonly #folder: ProcFolder;
  readonly #records: ProcessRecords;
  #startTicks: string | undefined;
  #uid: number;
  #gid: number;
  #program: ProgramImage | undefined;
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
    private readonly above: Ancestors,
    private readonly onReleased: (released: PinnedProcess) => void,
  ) {
    const alive = () => this.alive();
    let folder: ProcFolder | undefined;
    try {
      folder = new ProcFolder(pid, alive);
      this.#folder = folder;
      this.#records = new ProcessRecords(pidfd, folder, alive);
    } catch (thrown) {
      folder?.close();
      closeSync(pidfd);
      throw thrown;
    }
    try {
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

  /** The same whatever it executes. */
  get startTicks(): string {
    return (this.#startTicks ??= this.#records.stat().startTicks);
  }

  /** `dev:ino` of the settled program; undefined where it could not be settled. */
  get exeInode(): string | undefined {
    return this.#program?.exeInode;
  }

  /** Throws why none could be settled. */
  get image(): object {
    this.throwFault();
    if (this.#program === undefined) throw new MandateError('E_PEER_GONE');
    return this.#program;
  }

  alive(): boolean {
    return !this.#exited && this.#references > 0 && pidfdAlive(this.pidfd);
  }

  read(file: string): string {
    if (file === 'stat') return this.#records.statText();
    if (file === 'status') return this.#records.status();
    return this.#folder.read(file);
  }

  link(name: string): string {
    return this.#folder.link(name);
  }

  openExe(): ExeHandle {
    return this.#folder.openExe();
  }

  openFolder(): FolderHandle {
    return this.#folder.again();
  }

  /** A path below /proc/PID that can only ever mean this process, e.g. `root/usr/bin/env` for a file as it sees it. */
  path(below: string): string {
    return this.#folder.path(below);
  }

  ancestors(): Ancestry {
    return this.above.walk(this.pidfd, this.pid, () => this.#records.stat().ppid);
  }

  sameMounts(): boolean {
    return this.link('ns/mnt') === machineMounts();
  }

  cgroupId(): string | undefined {
    try {
      return pidfdInfo(this.pidfd)?.cgroupId || undefined;
    } catch (cause) {
      throw new MandateError('E_PEER_GONE', {}, { cause });
    }
  }

  /** Sends a signal to this process and to no other; nothing where it has ended. Throws KernelError EPERM for what it may not be sent to. */
  signal(signal: number): void {
    if (this.alive()) pidfdSignal(this.pidfd, signal);
  }

  /** Takes what runs now as the program to attest. Throws as ProgramImage.now does; what is unreadable is never taken for unchanged. */
  settle(): void {
    try {
      const program = ProgramImage.now(this.#folder, this.#records, () => this.alive());
      this.dropProgram();
      this.#program = program;
      this.#startTicks ??= program.startTicks;
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
    if (this.#program?.runs() ?? true) return false;
    if (!this.alive()) throw new MandateError('E_PEER_GONE');
    return true;
  }

  /**
   * Throws where the settled program has ended, or none could be settled. It saves what would be asked in vain; only `recheck` lets
   * anything out.
   */
  glance(): void {
    this.throwFault();
    if (this.#program?.lives() === false) throw new MandateError(this.alive() ? 'E_PEER_EXEC' : 'E_PEER_GONE');
  }

  /**
   * Throws unless this is still the settled program under the same user and group, and nobody traces it: E_PEER_GONE, E_PEER_EXEC,
   * E_PEER_CREDENTIALS, E_PEER_TRACED, or why it could not be settled.
   */
  recheck(): void {
    this.throwFault();
    if (this.executed()) throw new MandateError('E_PEER_EXEC');
    const status = this.#records.status();
    const { uid, gid } = effectiveIds(status);
    if (uid !== this.#uid || gid !== this.#gid) {
      throw new MandateError('E_PEER_CREDENTIALS', {
        saw: `uid ${uid} gid ${gid}`,
        why: `it was attested as uid ${this.#uid} gid ${this.#gid}`,
      });
    }
    const tracer = statusField(status, 'TracerPid');
    if (tracer !== '0') throw new MandateError('E_PEER_TRACED', { saw: `tracer pid ${tracer ?? 'unknown'}` });
  }

  /** Effective user and group now. */
  credentials(): { readonly uid: number; readonly gid: number } {
    return this.#records.credentials();
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

  private throwFault(): void {
    if (this.#fault !== undefined) throw this.alive() ? this.#fault : new MandateError('E_PEER_GONE');
  }

  private close(): void {
    this.#references = 0;
    this.dropProgram();
    this.#records.close();
    this.#folder.close();
    closeSync(this.pidfd);
  }

  private dropProgram(): void {
    this.#program?.close();
    this.#program = undefined;
  }
}
