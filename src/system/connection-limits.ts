import type { Clock } from '../domain/ports';
import { ConnectionRate } from './connection-rate';
import type { Credentials } from './socket-credentials';

/** More than any agent needs at once, less than what keeps others waiting. */
const OF_A_PROCESS = { burst: 200, perSecond: 50 };
/** As many as a user may hold, and then what its processes may need together: who forks for each connection has a new pid each time. */
const OF_A_USER = { burst: 5_500, perSecond: 500 };

export interface MostConnections {
  readonly maxPerUid: number;
  readonly maxTotal: number;
}

/** How many connections a user and a socket may have, and how fast they may come: all that is asked before a connection costs anything. */
export class ConnectionLimits {
  readonly #ofProcess: ConnectionRate;
  readonly #ofUser: ConnectionRate;
  readonly #perUid = new Map<number, number>();
  #open = 0;

  constructor(
    clock: Clock,
    private readonly most: MostConnections,
  ) {
    this.#ofProcess = new ConnectionRate(clock, OF_A_PROCESS);
    this.#ofUser = new ConnectionRate(clock, OF_A_USER);
  }

  /** Counts one more connection of this peer and returns what takes it back; undefined where it may have none now. */
  take({ uid, pid }: Credentials): (() => void) | undefined {
    const held = this.#perUid.get(uid) ?? 0;
    if (this.#open >= this.most.maxTotal || held >= this.most.maxPerUid) return undefined;
    // The process first: what it is refused is not taken from the other processes of its user.
    if (!this.#ofProcess.admits(pid) || !this.#ofUser.admits(uid)) return undefined;
    this.#open += 1;
    this.#perUid.set(uid, held + 1);
    return () => this.#giveBack(uid);
  }

  #giveBack(uid: number): void {
    this.#open -= 1;
    const left = (this.#perUid.get(uid) ?? 0) - 1;
    if (left > 0) this.#perUid.set(uid, left);
    else this.#perUid.delete(uid);
  }
}
