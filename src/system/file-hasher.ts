import type { Worker } from 'node:worker_threads';
import { MandateError } from '../domain/errors';
import type { ExeHandle, FileHasher } from '../domain/attestation';
import type { Clock } from '../domain/ports';
import { type InodeStat, type InodeVersion, isFile, knownVersionOf } from './below';
import { type HashAnswer, type HashJob, type HashProgress, PROGRESS } from './hash-job';
import { startThread } from './thread';

interface Pending {
  readonly job: HashJob;
  readonly device: string;
  readonly resolve: (sha256: string) => void;
  readonly reject: (error: MandateError) => void;
}

interface Hashing {
  readonly worker: Worker;
  readonly progress: HashProgress;
}

const DEFAULT_CAP_BYTES = 4 * 1024 ** 3;
const MAX_CACHED = 4096;
const MAX_PENDING = 1024;
/** Kernels before 6.13 stamp changes with a clock of up to 10 ms steps: a file changed just now may change again unseen. */
const SETTLED_MS = 20;
/** How long one step, opening a file or reading a piece of it, may take. */
const PATIENCE_MS = 2_000;
/** Threads that may wait for somebody who does not answer. */
const MAX_HANGING = 8;

const deviceOf = ({ major, minor }: InodeStat): string => `${major}:${minor}`;
/** As network file systems, and those that a process serves, have them; and some others. */
const withoutDisk = ({ major }: InodeStat): boolean => major === 0;

/**
 * Hashes on a thread of its own, started when first needed. A thread that waits for a file system which does not answer is left to it: what
 * else was to be hashed goes to another one, and nothing of that file system is hashed until it answers.
 */
export class FileHashing implements FileHasher {
  readonly #cache = new Map<string, string>();
  readonly #underway = new Map<string, Promise<string>>();
  readonly #pending = new Map<number, Pending>();
  /** Threads that hang, and the device each waits for. */
  readonly #hanging = new Map<Worker, string>();
  #thread: Hashing | undefined;
  #stopWatching: (() => void) | undefined;
  #nextId = 1;

  constructor(
    private readonly clock: Clock,
    private readonly capBytes = DEFAULT_CAP_BYTES,
  ) {}

  /**
   * For the running main program of a live process: the kernel lets nobody write to it, so the answer is kept for this version of the
   * inode. `handle` stays open until the promise settles. Throws E_ATTEST_TOO_LARGE before a byte is read, E_ATTEST_CHANGED,
   * E_ATTEST_FAILED for what is no regular file or cannot be read, E_ATTEST_UNREADABLE where its file system does not answer, and E_OVERLOADED.
   */
  async sha256(handle: ExeHandle): Promise<string> {
    const before = this.admit(handle);
    const key = before.text;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const underway = this.#underway.get(key) ?? this.start(key, handle, before);
    return underway;
  }

  /**
   * For any other file, never kept: stores through a shared mapping change a page that is already dirty without changing a time stamp, so
   * for a file that somebody may write to, equal stamps do not mean equal bytes. Throws like `sha256`.
   */
  async sha256Once(handle: ExeHandle): Promise<string> {
    return this.measure(handle, this.admit(handle));
  }

  async close(): Promise<void> {
    await this.#thread?.worker.terminate();
  }

  private admit({ fd }: ExeHandle): InodeVersion {
    const version = knownVersionOf(fd);
    const { stat } = version;
    if (!isFile(stat)) throw new MandateError('E_ATTEST_FAILED', { saw: 'no regular file' });
    if (stat.sizeBytes > this.capBytes) {
      throw new MandateError('E_ATTEST_TOO_LARGE', { saw: `${stat.sizeBytes} bytes`, why: `at most ${this.capBytes} are hashed` });
    }
    return version;
  }

  private start(key: string, handle: ExeHandle, before: InodeVersion): Promise<string> {
    const underway = this.measure(handle, before)
      .then((sha256) => {
        if (this.clock.nowMs() - before.changedAtMs >= SETTLED_MS) this.keep(key, sha256);
        return sha256;
      })
      .finally(() => this.#underway.delete(key));
    this.#underway.set(key, underway);
    return underway;
  }

  private async measure({ fd }: ExeHandle, before: InodeVersion): Promise<string> {
    if (this.#pending.size >= MAX_PENDING) throw new MandateError('E_OVERLOADED', { saw: `${MAX_PENDING} files are being hashed` });
    const device = deviceOf(before.stat);
    const hanging = new Set(this.#hanging.values());
    if (hanging.has(device) || (hanging.size >= MAX_HANGING && withoutDisk(before.stat))) throw hangs();
    const sha256 = await new Promise<string>((resolve, reject) => {
      const job: HashJob = { id: this.#nextId++, fd, sizeBytes: before.stat.sizeBytes };
      this.#pending.set(job.id, { job, device, resolve, reject });
      this.thread().worker.postMessage(job);
      this.watch();
    });
    if (knownVersionOf(fd).text !== before.text) throw new MandateError('E_ATTEST_CHANGED');
    return sha256;
  }

  /** Looks now and then whether the thread gets on with what is pending. */
  private watch(): void {
    if (this.#stopWatching !== undefined || this.#thread === undefined) return;
    const watched = this.#thread;
    const { worker, progress } = watched;
    const before = Atomics.load(progress, PROGRESS.steps);
    this.#stopWatching = this.clock.after(PATIENCE_MS, () => {
      this.#stopWatching = undefined;
      const stuck = this.#thread === watched && Atomics.load(progress, PROGRESS.steps) === before;
      if (stuck) this.leave(worker, progress);
      if (this.#pending.size > 0) this.watch();
    });
  }

  private leave(worker: Worker, progress: HashProgress): void {
    const stuck = this.#pending.get(Atomics.load(progress, PROGRESS.job));
    if (stuck === undefined) return; // the thread has not begun yet
    Atomics.store(progress, PROGRESS.left, 1);
    this.#thread = undefined;
    this.#hanging.set(worker, stuck.device);
    for (const { job, device, reject } of [...this.#pending.values()]) {
      if (device !== stuck.device) this.thread().worker.postMessage(job);
      else if (this.#pending.delete(job.id)) reject(hangs());
    }
  }

  private keep(key: string, sha256: string): void {
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(key, sha256);
  }

  private thread(): Hashing {
    if (this.#thread !== undefined) return this.#thread;
    const progress = new Int32Array(new SharedArrayBuffer(PROGRESS.length * Int32Array.BYTES_PER_ELEMENT));
    const worker = startThread('hash-thread', { progress }, (answer: HashAnswer) => this.answered(worker, answer));
    worker.once('error', () => void worker.terminate());
    worker.once('exit', () => {
      this.#hanging.delete(worker);
      if (this.#thread?.worker !== worker) return;
      this.#thread = undefined;
      const abandoned = [...this.#pending.values()];
      this.#pending.clear();
      for (const { reject } of abandoned) reject(new MandateError('E_ATTEST_FAILED', { saw: 'the hashing thread ended' }));
    });
    this.#thread = { worker, progress };
    return this.#thread;
  }

  private answered(worker: Worker, answer: HashAnswer): void {
    if (this.#hanging.has(worker)) return; // too late: nobody waits for it, and it ends
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) this.#stopWatching = void this.#stopWatching?.();
    if ('sha256' in answer) pending?.resolve(answer.sha256);
    else if ('grown' in answer) pending?.reject(new MandateError('E_ATTEST_CHANGED', { saw: 'the file grew' }));
    else pending?.reject(new MandateError('E_ATTEST_FAILED', { saw: answer.error }));
  }
}

const hangs = (): MandateError =>
  new MandateError('E_ATTEST_UNREADABLE', { saw: 'a file system that does not answer', why: 'the program cannot be read to be hashed' });
