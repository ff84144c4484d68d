import type { Clock } from '../../src/domain/ports';
import { systemClock } from '../../src/system/clock';

/** The system's clock, except that time passes further when told so, and that deadlines (a second and more) fall due only when told so. */
export class HeldClock implements Clock {
  #aheadMs = 0;
  readonly #held = new Set<() => void>();

  nowMs = (): number => systemClock.nowMs() + this.#aheadMs;
  monotonicMs = (): number => systemClock.monotonicMs() + this.#aheadMs;

  after(delayMs: number, run: () => void): () => void {
    if (delayMs < 1000) return systemClock.after(delayMs, run);
    this.#held.add(run);
    return () => this.#held.delete(run);
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Lets every deadline that is set fall due now. */
  expire(): void {
    for (const run of [...this.#held]) {
      this.#held.delete(run);
      run();
    }
  }
}
