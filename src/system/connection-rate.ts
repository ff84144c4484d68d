import type { Clock } from '../domain/ports';

/** Connections a process may open at once; more than any agent needs, less than what keeps others waiting. */
const BURST = 200;
const PER_SECOND = 50;
/** Processes that are remembered; whoever was quiet for as long as a burst takes to come back needs no memory. */
const MAX_REMEMBERED = 10_000;

interface Allowance {
  left: number;
  atMs: number;
}

/**
 * How fast one process may open connections: BURST at once, PER_SECOND of them after that. By pid, which is what is known before anything
 * costs: who gets a pid that has just been used up waits a moment longer.
 */
export class ConnectionRate {
  readonly #byPid = new Map<number, Allowance>();

  constructor(private readonly clock: Clock) {}

  /** True where the process may open one more now; that one is then counted. */
  admits(pid: number): boolean {
    const nowMs = this.clock.monotonicMs();
    const known = this.#byPid.get(pid) ?? { left: BURST, atMs: nowMs };
    this.#remember(pid, known);
    known.left = Math.min(BURST, known.left + ((nowMs - known.atMs) / 1000) * PER_SECOND);
    known.atMs = nowMs;
    if (known.left < 1) return false;
    known.left -= 1;
    return true;
  }

  /** As the one that was here last; whoever was here longest ago makes room. */
  #remember(pid: number, allowance: Allowance): void {
    this.#byPid.delete(pid);
    this.#byPid.set(pid, allowance);
    const [oldest] = this.#byPid.keys();
    if (this.#byPid.size > MAX_REMEMBERED && oldest !== undefined) this.#byPid.delete(oldest);
  }
}
