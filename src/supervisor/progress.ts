import { asMandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import type { UpEvent, UpStep } from '../domain/up';

/** Tells whoever started us how far we are, and how long each step took. */
export class Progress {
  constructor(
    private readonly clock: Clock,
    readonly tell: (event: UpEvent) => void,
  ) {}

  /** A step that began at `beganMs` (monotonic) is in this state now. */
  say(step: UpStep, state: UpEvent['state'], detail: string, beganMs = this.clock.monotonicMs()): void {
    this.tell({ step, state, detail, ms: Math.round(this.clock.monotonicMs() - beganMs) });
  }

  /** Does the work of one step and tells how it ended; `detail` is what people should know of the outcome. */
  async step<T>(step: UpStep, work: () => Promise<T>, detail: (outcome: T) => string): Promise<T> {
    const beganMs = this.clock.monotonicMs();
    this.tell({ step, state: 'running', detail: '', ms: 0 });
    try {
      const outcome = await work();
      this.say(step, 'done', detail(outcome), beganMs);
      return outcome;
    } catch (thrown) {
      this.say(step, 'failed', asMandateError(thrown).message, beganMs);
      throw thrown;
    }
  }
}
