import type { Clock } from '../domain/ports';
import { ConnectionRate } from './connection-rate';

/** Wasted connections that are no flood yet: clients that try again reach a few dozen a second. */
const TOLERATED = { burst: 300, perSecond: 50 };
/** Of a user whose last flood is remembered: to notice one is what others wait for. */
const TOLERATED_AGAIN = { burst: 20, perSecond: 50 };
/** To let it in for a look whether it goes on costs everyone some milliseconds, so that is done seldom. */
const FIRST_MS = 10_000;
const LONGEST_MS = 60_000;
/** A flood that begins sooner than this after the last one is taken for the same. */
const REMEMBERED_MS = 60_000;
/** Kept away at once. An access list has room for more, but the kernel reads through it whenever somebody connects. */
const MAX_KEPT_AWAY = 500;

interface Flood {
  readonly forMs: number;
  keptAway: boolean;
}

/**
 * Who floods a socket with connections that are refused anyway, or left again at once, is kept away from it for a while, by uid: even such
 * a connection stands before others in the kernel's queue. Ten seconds at first, twice as long each time it goes on, up to a minute.
 */
export class FloodingUsers {
  readonly #wasted: ConnectionRate;
  readonly #again: ConnectionRate;
  readonly #floods = new Map<number, Flood>();

  constructor(
    private readonly clock: Clock,
    /** Told whom to keep away from now on, whenever that changes, and of a flood that has just begun. */
    private readonly keepAway: (uids: readonly number[], begun?: { readonly uid: number; readonly forMs: number }) => void,
  ) {
    this.#wasted = new ConnectionRate(clock, TOLERATED);
    this.#again = new ConnectionRate(clock, TOLERATED_AGAIN);
  }

  /** True while what this user has in the queue is to be refused as well. */
  keptAway(uid: number): boolean {
    return this.#floods.get(uid)?.keptAway === true;
  }

  /** A connection of this user was refused for its number or pace, or was left before its turn came. */
  wasted(uid: number): void {
    const last = this.#floods.get(uid);
    // Kept away already: this one was in the queue before.
    if (last?.keptAway === true || (last ? this.#again : this.#wasted).admits(uid)) return;
    const flood = { forMs: last ? Math.min(LONGEST_MS, last.forMs * 2) : FIRST_MS, keptAway: true };
    this.#floods.delete(uid);
    this.#floods.set(uid, flood);
    this.clock.after(flood.forMs, () => this.#over(uid, flood));
    this.keepAway(this.#listed(), { uid, forMs: flood.forMs });
  }

  /** Those whose flood began last where there is no room for all. */
  #listed(): readonly number[] {
    return [...this.#floods]
      .filter(([, { keptAway }]) => keptAway)
      .map(([uid]) => uid)
      .slice(-MAX_KEPT_AWAY);
  }

  #over(uid: number, flood: Flood): void {
    flood.keptAway = false;
    this.clock.after(REMEMBERED_MS, () => {
      if (this.#floods.get(uid) === flood) this.#floods.delete(uid);
    });
    this.keepAway(this.#listed());
  }
}
