import type { ProcessView } from '../domain/attestation';
import { type Holders, holdersText } from '../domain/connection';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import type { PeerConnection } from '../system/peer-connection';
import type { Served } from './served';

/** Looks who holds sockets beside a process, off the main thread. Throws as a PatientReader does. */
export interface HolderReader {
  holders(view: ProcessView, sockets: readonly string[]): Promise<Holders>;
}

/** A program that is being started holds what its parent holds until it is executed: who does so only for a moment is looked at again. */
const AGAIN_AFTER_MS = [20, 60, 150] as const;
const PASSING: readonly Holders['holding'][] = ['shared', 'in-flight', 'unheld', 'unsettled'];

/** Who holds the connections of a process: looked at where a rule asks for it, and never answered from an earlier look. */
export class Holding {
  constructor(
    private readonly reader: HolderReader,
    private readonly clock: Clock,
  ) {}

  /** Of all connections that its image has when this returns, since what one of them is answered is kept for all. Throws as the reader does. */
  async of(served: Served): Promise<Holders> {
    for (const pauseMs of AGAIN_AFTER_MS) {
      const holders = await this.#look(served);
      if (!PASSING.includes(holders.holding)) return holders;
      await new Promise<void>((resolve) => this.clock.after(pauseMs, resolve));
    }
    return this.#look(served);
  }

  /**
   * 13 re-check, the part of it that only some rules require: the process alone holds its connections. True without a look where none
   * requires it. To be asked after the answer, so that nobody who was given a connection meanwhile is missed; the image is looked at after that.
   */
  async keeps(served: Served): Promise<boolean> {
    if (!served.sole) return true;
    const { holding } = await this.of(served);
    served.check();
    return holding === 'sole';
  }

  /** As `keeps`, for what is answered once. Throws E_CONNECTION_HOLDERS. */
  async demand(served: Served): Promise<void> {
    const { holding, pids } = await this.of(served);
    served.check();
    if (holding !== 'sole') throw new MandateError('E_CONNECTION_HOLDERS', { saw: holdersText(holding, pids.map(String)) });
  }

  async #look(served: Served): Promise<Holders> {
    const looked = new Set(served.connections);
    const sockets = socketsOf(looked);
    if (sockets === undefined) return { holding: 'unreadable', pids: [] };
    const holders = await this.reader.holders(served.process, sockets);
    const came = [...served.connections].some((connection) => !looked.has(connection));
    return came && holders.holding === 'sole' ? { holding: 'unsettled', pids: [] } : holders;
  }
}

/** The client's ends of open connections; undefined where the kernel does not tell one of them, or there is none. */
function socketsOf(connections: ReadonlySet<PeerConnection>): string[] | undefined {
  const open = [...connections].filter(({ closed }) => !closed);
  const sockets = open.map((connection) => connection.peerSocket());
  return open.length > 0 && sockets.every((socket) => socket !== undefined) ? sockets : undefined;
}
