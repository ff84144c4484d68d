import { MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import { shutOut } from './access-list';
import { ConnectionLimits, type MostConnections } from './connection-limits';
import { errnoOf } from './errno';
import { FloodingUsers } from './flooding-users';
import type { SocketPlace } from './socket-path';
import type { Credentials } from './socket-credentials';

/** Made once: it is said to nobody, as often as a flood comes. */
const OVER_LIMIT = new MandateError('E_PEER_LIMIT');

export interface DoorOptions extends SocketPlace, MostConnections {
  readonly socketMode: number;
  readonly onRefused: (error: MandateError, credentials: Credentials) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who comes in at a socket, by number and pace: asked before a connection has cost anything. Users who flood it are kept away from it. */
export class Door {
  readonly #limits: ConnectionLimits;
  readonly #flooding: FloodingUsers;

  constructor(private readonly options: DoorOptions) {
    this.#limits = new ConnectionLimits(options.clock, options);
    this.#flooding = new FloodingUsers(options.clock, (uids, begun) => this.#keepAway(uids, begun));
  }

  /** Counts one more connection and returns what takes it back; undefined where it is refused. */
  take(credentials: Credentials): (() => void) | undefined {
    const { uid } = credentials;
    const giveBack = this.#flooding.keptAway(uid) ? undefined : this.#limits.take(credentials);
    if (giveBack === undefined) {
      this.#wasted(uid);
      this.options.onRefused(OVER_LIMIT, credentials);
    }
    return giveBack;
  }

  /** A connection was left before its turn came. */
  left({ uid }: Credentials): void {
    this.#wasted(uid);
  }

  /** No access list holds for root, or for the owner of the socket; of what those may do, a flood is the least. */
  #wasted(uid: number): void {
    const owner = this.options.owner?.uid ?? process.geteuid?.();
    if (uid !== 0 && uid !== owner) this.#flooding.wasted(uid);
  }

  #keepAway(uids: readonly number[], begun?: { readonly uid: number; readonly forMs: number }): void {
    const { path, socketMode, log } = this.options;
    try {
      shutOut(path, socketMode, uids);
      if (begun) log.warn({ ...begun, path }, 'a user floods the socket and is kept away from it for a while');
    } catch (thrown) {
      log.error({ error: errnoOf(thrown), path, ...begun }, 'a user who floods the socket cannot be kept away');
    }
  }
}
