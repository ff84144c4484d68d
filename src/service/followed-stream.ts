import type { ClientReadableStream, StatusObject } from '@grpc/grpc-js';
import { GRPC, MandateError } from '../domain/errors';
import type { Clock, Random } from '../domain/ports';
import { errorOfStatus } from '../wire/refusal';
import { backoffMs } from './backoff';
import type { Freshness } from './freshness';

/** A stream that ends sooner after it was opened is not opened again at once, whatever it brought: that would be a loop. */
const SETTLED_MS = 1000;
/** What the same request would not change by being made again (SPIFFE Workload Endpoint §6.2). */
const FINAL: ReadonlySet<number> = new Set([GRPC.invalidArgument, GRPC.unimplemented]);

export interface Following<M> {
  readonly clock: Clock;
  readonly random: Random;
  readonly freshness: Freshness;
  open(): ClientReadableStream<M>;
  /** Takes the whole new state; what it throws is reported, and the message is as if it had not come. */
  accept(message: M): void;
  /** This process has no identity any more: nothing that the stream brought may be used. */
  denied(): void;
  /** What went wrong; `final` where it is not tried again. */
  problem(error: MandateError, final: boolean): void;
}

/** One stream of the Workload API, opened again whenever it ends. */
export class FollowedStream<M> {
  #call: ClientReadableStream<M> | undefined;
  #cancelPause: () => void = () => undefined;
  #failures = 0;
  #closed = false;

  constructor(private readonly parts: Following<M>) {
    this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPause();
    this.#call?.cancel();
    this.parts.freshness.release();
  }

  #open(): void {
    const { clock, freshness } = this.parts;
    const openedMs = clock.monotonicMs();
    let brought = false;
    const call = this.parts.open();
    this.#call = call;
    call.on('data', (message: M) => {
      if (this.#closed) return;
      try {
        this.parts.accept(message);
        freshness.confirm(true);
        brought = true;
      } catch (error) {
        this.parts.problem(unreadable(error), false);
      }
    });
    call.on('error', () => undefined); // the status says the same
    call.on('status', (status: StatusObject) => this.#ended(status, brought && clock.monotonicMs() - openedMs >= SETTLED_MS));
  }

  #ended(status: StatusObject, settled: boolean): void {
    if (this.#closed) return;
    const { freshness, clock, random } = this.parts;
    freshness.release();
    const code: number = status.code;
    if (code === GRPC.permissionDenied) this.parts.denied();
    const final = FINAL.has(code);
    this.parts.problem(errorOfStatus(Object.assign(new Error(status.details), status)), final);
    if (final) return;
    this.#failures = settled ? 0 : this.#failures + 1;
    this.#cancelPause = clock.after(settled ? 0 : backoffMs(this.#failures - 1, random), () => this.#open());
  }
}

const unreadable = (error: unknown): MandateError =>
  error instanceof MandateError ? error : new MandateError('E_NOT_VERIFIED', { saw: 'a message that cannot be read' }, { cause: error });
