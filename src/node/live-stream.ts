import type { ServerWritableStream, StatusObject } from '@grpc/grpc-js';
import type { MandateError } from '../domain/errors';
import { statusOf } from '../wire/refusal';

/**
 * A server stream that always carries the newest complete state: an unchanged message is not sent again, and a reader that does not
 * keep up costs one message of memory, not a queue of them (SPIFFE Workload API: each message is the whole state).
 */
export class LiveStream {
  #last: Buffer | undefined;
  #waiting: Buffer | undefined;
  #closed = false;
  readonly #closers: (() => void)[] = [];

  /** `status` makes the status of an error that ends the stream. */
  constructor(
    private readonly call: ServerWritableStream<unknown, unknown>,
    private readonly status: (error: MandateError) => StatusObject = statusOf,
  ) {
    const close = () => this.#close();
    call.on('cancelled', close);
    call.on('error', close);
    call.on('close', close);
    call.on('drain', () => {
      const newest = this.#waiting;
      this.#waiting = undefined;
      if (newest && !this.#closed) call.write(newest);
    });
  }

  /** True once a first message was handed to the transport. */
  get started(): boolean {
    return this.#last !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(message: Buffer): void {
    if (this.#closed || this.#last === message || this.#last?.equals(message) === true) return;
    this.#last = message;
    if (this.call.writableNeedDrain) this.#waiting = message;
    else this.call.write(message);
  }

  /** Ends the stream with an error status: clients stop watching for good where a stream ends with OK. */
  fail(error: MandateError): void {
    if (this.#closed) return;
    this.#close();
    this.call.emit('error', Object.assign(new Error(error.message), this.status(error)));
  }

  onClose(run: () => void): void {
    if (this.#closed) run();
    else this.#closers.push(run);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const run of this.#closers) run();
  }
}
