import { createHash } from 'node:crypto';

/** Remembers which tokens were shown. Share one between the replicas of a service, or a token counts once for each of them. */
export interface ReplayStore {
  /** True the first time for `id`; remembers it until `untilMs` at least. Throws, and so refuses, where it cannot tell. */
  firstUse(id: string, untilMs: number, nowMs: number): boolean | Promise<boolean>;
}

const DEFAULT_ENTRIES = 100_000;

/** A replay store in this process. Full of tokens that still live it takes no more, so that a flood cannot push out what it must remember. */
export class MemoryReplays implements ReplayStore {
  readonly #untilMs = new Map<string, number>();
  #sweepAt = 1024;

  /** At about 100 bytes an entry. */
  constructor(private readonly maxEntries = DEFAULT_ENTRIES) {}

  firstUse(id: string, untilMs: number, nowMs: number): boolean {
    const key = createHash('sha256').update(id).digest('base64url'); // an id of any length costs the same
    const known = this.#untilMs.get(key);
    if (known !== undefined && known >= nowMs) return false;
    if (this.#untilMs.size >= Math.min(this.#sweepAt, this.maxEntries)) this.#sweep(nowMs);
    if (this.#untilMs.size >= this.maxEntries) return false;
    this.#untilMs.set(key, untilMs);
    return true;
  }

  /** Doubling the mark keeps the work for each token constant, however many live. */
  #sweep(nowMs: number): void {
    for (const [key, untilMs] of this.#untilMs) if (untilMs < nowMs) this.#untilMs.delete(key);
    this.#sweepAt = Math.max(1024, this.#untilMs.size * 2);
  }
}
