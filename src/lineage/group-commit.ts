import { MandateError } from '../domain/errors';

export interface Queued<T> {
  readonly value: T;
  readonly weight: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface GroupCommitLimits {
  readonly maxBatch: number;
  /** Sum of weights (bytes, roughly) in one batch. */
  readonly maxBatchWeight: number;
  readonly maxQueued: number;
  readonly maxQueuedWeight: number;
}

/**
 * One queue, one batch under way, no timer: an idle queue flushes at once, and while a flush is under way the next batch gathers by
 * itself. `flush` settles every entry of its batch, now or later, and never rejects.
 */
export class GroupCommit<T> {
  #queue: Queued<T>[] = [];
  #weight = 0;
  #busy = false;
  #idle: (() => void)[] = [];

  constructor(
    private readonly flush: (batch: readonly Queued<T>[]) => Promise<void>,
    private readonly limits: GroupCommitLimits,
  ) {}

  /** Entries that wait for a batch. */
  get length(): number {
    return this.#queue.length;
  }

  /** Resolves when the value's batch is committed. Rejects with E_OVERLOADED, before anything is written, where the queue is full. */
  add(value: T, weight: number): Promise<void> {
    if (this.#queue.length >= this.limits.maxQueued || this.#weight + weight > this.limits.maxQueuedWeight) {
      return Promise.reject(new MandateError('E_OVERLOADED', { saw: `${this.#queue.length} records waiting to be committed` }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ value, weight, resolve, reject });
      this.#weight += weight;
      this.#kick();
    });
  }

  /** Rejects everything that waits and was not sent. */
  failQueued(error: unknown): void {
    const waiting = this.#queue;
    this.#queue = [];
    this.#weight = 0;
    for (const entry of waiting) entry.reject(error);
  }

  /** Resolves when nothing waits or is under way. */
  idle(): Promise<void> {
    if (!this.#busy && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #kick(): void {
    if (this.#busy) return;
    if (this.#queue.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#busy = true;
    // After the current turn, so that what arrived together is committed together.
    queueMicrotask(() => {
      void this.flush(this.#take()).finally(() => {
        this.#busy = false;
        this.#kick();
      });
    });
  }

  #take(): Queued<T>[] {
    let [count, weight] = [0, 0];
    while (count < this.#queue.length && count < this.limits.maxBatch) {
      weight += (this.#queue[count] as Queued<T>).weight;
      if (count > 0 && weight > this.limits.maxBatchWeight) break;
      count++;
    }
    const batch = this.#queue.splice(0, count);
    for (const entry of batch) this.#weight -= entry.weight;
    return batch;
  }
}
