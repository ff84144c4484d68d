import { fstatSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { MandateError } from '../domain/errors';
import type { ExeHandle, FileHasher } from '../domain/attestation';
import type { Clock } from '../domain/ports';
import { fileVersion } from './file-version';
import { startThread } from './thread';

export interface HashJob {
  readonly id: number;
  readonly fd: number;
  readonly sizeBytes: number;
}

export type HashAnswer =
  | { readonly id: number; readonly sha256: string }
  | { readonly id: number; readonly grown: true }
  | { readonly id: number; readonly error: string };

interface Pending {
  readonly resolve: (sha256: string) => void;
  readonly reject: (error: MandateError) => void;
}

const DEFAULT_CAP_BYTES = 4 * 1024 ** 3;
const MAX_CACHED = 4096;
const MAX_PENDING = 1024;
/** Kernels before 6.13 stamp changes with a clock of up to 10 ms steps: a file changed just now may change again unseen. */
const SETTLED_MS = 20;

/** Hashes on a thread of its own, started when first needed. */
export class FileHashing implements FileHasher {
  readonly #cache = new Map<string, string>();
  readonly #underway = new Map<string, Promise<string>>();
  readonly #pending = new Map<number, Pending>();
  #thread: Worker | undefined;
  #nextId = 1;

  constructor(
    private readonly clock: Clock,
    private readonly capBytes = DEFAULT_CAP_BYTES,
  ) {}

  /**
   * For the running main program of a live process: the kernel lets nobody write to it, so the answer is kept for this version of the
   * inode. `handle` stays open until the promise settles. Throws E_ATTEST_TOO_LARGE before a byte is read, E_ATTEST_CHANGED,
   * E_ATTEST_FAILED for what is no regular file or cannot be read, and E_OVERLOADED.
   */
  async sha256(handle: ExeHandle): Promise<string> {
    const before = this.admit(handle);
    const key = fileVersion(before);
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
    await this.#thread?.terminate();
  }

  private admit({ fd }: ExeHandle): BigIntStats {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new MandateError('E_ATTEST_FAILED', { saw: 'no regular file' });
    if (stat.size > this.capBytes) {
      throw new MandateError('E_ATTEST_TOO_LARGE', { saw: `${stat.size} bytes`, why: `at most ${this.capBytes} are hashed` });
    }
    return stat;
  }

  private start(key: string, handle: ExeHandle, before: BigIntStats): Promise<string> {
    const underway = this.measure(handle, before)
      .then((sha256) => {
        if (this.clock.nowMs() - Number(before.ctimeMs) >= SETTLED_MS) this.keep(key, sha256);
        return sha256;
      })
      .finally(() => this.#underway.delete(key));
    this.#underway.set(key, underway);
    return underway;
  }

  private async measure({ fd }: ExeHandle, before: BigIntStats): Promise<string> {
    if (this.#pending.size >= MAX_PENDING) throw new MandateError('E_OVERLOADED', { saw: `${MAX_PENDING} files are being hashed` });
    const sha256 = await new Promise<string>((resolve, reject) => {
      const job: HashJob = { id: this.#nextId++, fd, sizeBytes: Number(before.size) };
      this.#pending.set(job.id, { resolve, reject });
      this.thread().postMessage(job);
    });
    if (fileVersion(fstatSync(fd, { bigint: true })) !== fileVersion(before)) throw new MandateError('E_ATTEST_CHANGED');
    return sha256;
  }

  private keep(key: string, sha256: string): void {
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(key, sha256);
  }

  private thread(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const thread = startThread('hash-thread', {}, (answer: HashAnswer) => this.settle(answer));
    thread.once('error', () => void thread.terminate());
    thread.once('exit', () => {
      this.#thread = undefined;
      const abandoned = [...this.#pending.values()];
      this.#pending.clear();
      for (const { reject } of abandoned) reject(new MandateError('E_ATTEST_FAILED', { saw: 'the hashing thread ended' }));
    });
    this.#thread = thread;
    return thread;
  }

  private settle(answer: HashAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('sha256' in answer) pending?.resolve(answer.sha256);
    else if ('grown' in answer) pending?.reject(new MandateError('E_ATTEST_CHANGED', { saw: 'the file grew' }));
    else pending?.reject(new MandateError('E_ATTEST_FAILED', { saw: answer.error }));
  }
}
