import { asMandateError, MandateError } from '../domain/errors';
import type { Log, Random } from '../domain/ports';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';
import type { Members } from './members';
import { Served } from './served';
import type { ServerLink } from './server-link';

export interface ImagesParts {
  readonly link: Pick<ServerLink, 'tell'>;
  readonly members: Members;
  readonly random: Random;
  /** A process that wrote its identity to files has ended. */
  readonly writerEnded: (process: PinnedProcess) => void;
  readonly log: Log;
}

/**
 * What is kept for each pinned process: one `Served` for the program image that runs now. After an exec everything of the older image ends,
 * and with the process everything ends.
 */
export class Images {
  readonly #served = new Map<string, Served>();
  readonly #stopWatching = new Map<string, () => void>();

  constructor(private readonly parts: ImagesParts) {}

  /**
   * A connection was accepted. It belongs to the program image that runs now: after an exec the older connections, streams and keys of
   * the process end. Before anything was issued that costs nothing, which is what shebangs, shims and launchers need.
   */
  arrived(peer: PeerConnection): void {
    const served = this.present(peer.process);
    served.connections.add(peer);
    peer.onClose(() => {
      served.connections.delete(peer);
      this.left(served);
    });
  }

  /**
   * The state for a call on this connection. Throws E_PEER_EXEC where the process was found to run another program since the connection
   * was accepted; whatever is then done for the call checks the process anew.
   */
  called(peer: PeerConnection): Served {
    const served = this.of(peer.process);
    if (!served.connections.has(peer)) throw new MandateError('E_PEER_EXEC', { fix: 'connect again' });
    return served;
  }

  /** The state kept for a pinned process; made on first sight, gone when the process ends. */
  of(process: PinnedProcess): Served {
    const known = this.#served.get(process.key);
    if (known) return known;
    const served = this.#fresh(process);
    this.#stopWatching.set(
      process.key,
      process.onExit(() => this.#ended(process)),
    );
    return served;
  }

  /** The state for what the process runs now, be it another program than before or one that never asked for anything. */
  present(process: PinnedProcess): Served {
    const pinnedJustNow = !this.#served.has(process.key) && process.exeInode !== undefined;
    if (pinnedJustNow) return this.of(process);
    return replaced(process) ? this.#startOver(process) : this.of(process);
  }

  get(processKey: string): Served | undefined {
    return this.#served.get(processKey);
  }

  all(): Iterable<Served> {
    return this.#served.values();
  }

  /** Nobody is connected any more: what was kept goes, unless the process belongs to an agent and is held for it. */
  left(served: Served): void {
    const { process } = served;
    if (served.over || served.connections.size > 0 || this.parts.members.get(process.key)) return;
    this.#ended(process);
  }

  #fresh(process: PinnedProcess): Served {
    const served = new Served(process, this.parts.random.bytes(16).toString('hex'));
    this.#served.set(process.key, served);
    return served;
  }

  #startOver(process: PinnedProcess): Served {
    const before = this.of(process);
    before.end(new MandateError('E_PEER_EXEC', { fix: 'connect again' }));
    for (const connection of before.connections) connection.destroy();
    try {
      process.settle();
    } catch {
      // Kept by the process: every check of it fails with the reason until it can be settled.
    }
    this.parts.log.info({ process: process.key, pid: process.pid }, 'process runs another program');
    return this.#fresh(process);
  }

  /** Served.check; an exec that shows here ends the image: its connections, streams and keys go, and the call is refused. */
  check(served: Served): void {
    this.#look(served, () => served.check());
  }

  /** The same for Served.glance. */
  glance(served: Served): void {
    this.#look(served, () => served.glance());
  }

  #look(served: Served, look: () => void): void {
    try {
      look();
    } catch (thrown) {
      if (asMandateError(thrown).code === 'E_PEER_EXEC' && !served.over) this.#startOver(served.process);
      throw thrown;
    }
  }

  /** 16 end: streams, keys and membership go with the process, and the server is told. */
  #ended(process: PinnedProcess): void {
    const { members, link, writerEnded } = this.parts;
    const { key } = process;
    const served = this.#served.get(key);
    this.#served.delete(key);
    this.#stopWatching.get(key)?.();
    this.#stopWatching.delete(key);
    const told = served?.known === true || members.get(key) !== undefined;
    served?.end(new MandateError('E_PEER_GONE'));
    // Told before the launch can end by it: the server then has no process of it left.
    if (told) link.tell({ case: 'processEnded', value: { processKey: key, reason: 'exit' } });
    members.ended(key);
    if (served?.delivery === 'files') writerEnded(process);
  }
}

/** True where the process runs another program, or as another user, than when it was settled, or could not be settled then. */
function replaced(process: PinnedProcess): boolean {
  if (process.exeInode === undefined || process.executed()) return true;
  const now = process.credentials();
  return now.uid !== process.uid || now.gid !== process.gid;
}
