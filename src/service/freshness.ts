import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';

/** Longest time for which bundles serve after they were last known to be the newest, where the service says nothing else. */
export const MAX_STALENESS_MS = 3_600_000;

/** How long ago something was last known to be the newest. Nothing is fresh before the first `confirm`. */
export class Freshness {
  #confirmed: { readonly wallMs: number; readonly monotonicMs: number } | undefined;
  #held = false;

  constructor(
    private readonly clock: Clock,
    private readonly maxStalenessMs: number,
  ) {}

  /** It is the newest at this moment; with `hold` it stays so until `release`, because a change would be heard. */
  confirm(hold = false): void {
    this.#confirmed = { wallMs: this.clock.nowMs(), monotonicMs: this.clock.monotonicMs() };
    this.#held = hold;
  }

  release(): void {
    if (this.#held) this.confirm();
  }

  /** Milliseconds; Infinity before the first confirmation. */
  get stalenessMs(): number {
    if (!this.#confirmed) return Infinity;
    if (this.#held) return 0;
    // The monotonic clock stands still while a machine sleeps, and the wall clock can be set back: the larger of the two is true.
    const { wallMs, monotonicMs } = this.#confirmed;
    return Math.max(this.clock.nowMs() - wallMs, this.clock.monotonicMs() - monotonicMs);
  }

  /** Throws E_BUNDLE_STALE past the bound: a bundle this old may still hold what was revoked since. */
  check(): void {
    const staleness = this.stalenessMs;
    if (staleness <= this.maxStalenessMs) return;
    throw new MandateError('E_BUNDLE_STALE', {
      saw: staleness === Infinity ? 'never confirmed' : `${Math.floor(staleness / 1000)} s old`,
      why: `at most ${Math.floor(this.maxStalenessMs / 1000)} s are allowed`,
    });
  }
}
