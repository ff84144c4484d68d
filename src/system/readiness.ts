import { closeSync, writeSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Log } from '../domain/ports';
import { epollAdd, epollCreate, eventFd } from './epoll';
import { startThread } from './thread';

/**
 * Tells once when a descriptor becomes readable without reading from it: a pidfd when its process has ended, a socket when its first
 * bytes have come. One thread waits for all of them. It never keeps the process alive and never holds up its end.
 */
export class Readiness {
  readonly #epoll = epollCreate();
  readonly #wake = eventFd();
  readonly #waiting = new Map<number, () => void>();
  readonly #thread: Worker;
  readonly #ended: Promise<void>;
  #nextToken = 1;
  #closed = false;

  constructor(log: Log) {
    epollAdd(this.#epoll, this.#wake, 0);
    this.#thread = startThread('readiness-thread', { epoll: this.#epoll }, (tokens: readonly number[]) =>
      tokens.forEach((token) => this.ready(token)),
    );
    this.#ended = new Promise((resolve) => {
      this.#thread.once('error', (error) => log.error({ error: error.message }, 'the thread that waits for processes to end has failed'));
      this.#thread.once('exit', () => resolve());
    });
    // A thread blocked in the kernel would hold up process.exit for ever.
    process.once('exit', this.#stop);
  }

  /** Runs `ready` once, on a later turn, unless it was taken back with the returned function. */
  once(fd: number, ready: () => void): () => void {
    const token = this.#nextToken++;
    epollAdd(this.#epoll, fd, token);
    this.#waiting.set(token, ready);
    // The kernel forgets a descriptor when it is closed; removing it here, by a number that may be another's by now, could hit that one.
    return () => void this.#waiting.delete(token);
  }

  async close(): Promise<void> {
    this.#stop();
    process.off('exit', this.#stop);
    await this.#ended;
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.clear();
    closeSync(this.#epoll);
    closeSync(this.#wake);
  }

  readonly #stop = (): void => {
    if (this.#closed) return;
    const one = Buffer.alloc(8);
    one.writeBigUInt64LE(1n);
    writeSync(this.#wake, one);
  };

  private ready(token: number): void {
    const run = this.#waiting.get(token);
    this.#waiting.delete(token);
    run?.();
  }
}
