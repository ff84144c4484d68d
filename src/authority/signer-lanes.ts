import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';

/** Signatures that are asked for at once; each has a connection of its own. */
const MOST_RUNNING = 32;
/** Signatures that wait for their turn. */
const MOST_WAITING = 1_000;
/** A signer that hangs is tried this often. */
const TRY_EVERY_MS = 1_000;

/**
 * So many requests at once, so many that wait in their order, and none beyond. Once a signer hangs, one request each second finds out whether it still does, and the
 * others are refused at once: whoever asks is not kept waiting for what is known.
 */
export class SignerLanes {
  #running = 0;
  /** When a request last got no answer; undefined where one was answered since. */
  #hungAtMs: number | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly clock: Clock) {}

  /** Runs `work` when it is its turn. Throws E_OVERLOADED and E_SIGNER_DOWN before it, and what it throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#assertWorthTrying();
    if (this.#running >= MOST_RUNNING) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place goes to whoever waits without becoming free in between.
      if (next) next();
      else this.#running--;
    }
  }

  /** A request got no answer in time. */
  hangs(): void {
    this.#hungAtMs = this.clock.monotonicMs();
  }

  /** Something was answered. */
  answers(): void {
    this.#hungAtMs = undefined;
  }

  #assertWorthTrying(): void {
    if (this.#hungAtMs === undefined) return;
    if (this.#running > 0 || this.clock.monotonicMs() < this.#hungAtMs + TRY_EVERY_MS)
      throw new MandateError('E_SIGNER_DOWN', { why: 'it did not answer in time, and is tried each second' });
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING)
      throw new MandateError('E_OVERLOADED', { saw: `${MOST_WAITING} signatures that wait for the signer` });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
