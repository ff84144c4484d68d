import type { Clock } from '../domain/ports';

/** Askers that are remembered; whoever was quiet for as long as a burst takes to come back needs no memory. */
const MAX_REMEMBERED = 10_000;

/** So many connections at once, and so many a second after that. */
export interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

interface Allowance {
  left: number;
  atMs: number;
}

/** How fast one asker, known by a number, may open connections: a pid or a uid, which is what is known before anything costs. */
export class ConnectionRate {
  readonly #byAsker = new Map<number, Allowance>();

  constructor(
    private readonly clock: Clock,
    private readonly pace: Pace,
  ) {}

  /** True where the asker may open one more now; that one is then counted. */
  admits(asker: number): boolean {
    const { burst, perSecond } = this.pace;
    const nowMs = this.clock.monotonicMs();
    const known = this.#byAsker.get(asker) ?? { left: burst, atMs: nowMs };
    this.#remember(asker, known);
    known.left = Math.min(burst, known.left + ((nowMs - known.atMs) / 1000) * perSecond);
    known.atMs = nowMs;
    if (known.left < 1) return false;
    known.left -= 1;
    return true;
  }

  /** As the one that was here last; whoever was here longest ago makes room. */
  #remember(asker: number, allowance: Allowance): void {
    this.#byAsker.delete(asker);
    this.#byAsker.set(asker, allowance);
    const [oldest] = this.#byAsker.keys();
    if (this.#byAsker.size > MAX_REMEMBERED && oldest !== undefined) this.#byAsker.delete(oldest);
  }
}
