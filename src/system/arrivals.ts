import { chmodSync, chownSync, closeSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import type { Server, SocketConstructorOpts } from 'node:net';
import type { Log } from '../domain/ports';
import { boundSocket } from './bound-socket';
import { descriptorOf } from './descriptor-of';
import { errnoOf } from './errno';
import { FairQueue } from './fair-queue';
import { passCredentials, peerCredentials } from './socket-credentials';
import type { Credentials } from './socket-credentials';
import { acceptNext, hungUp } from './accept';

/** Longest queue that Linux grants by default. */
const BACKLOG = 4096;
/** Taken from the queue in one turn of the event loop, at about 10 µs each where they are refused. */
const LOOKED_AT = 512;
/** Let in in one turn where more are waiting; each costs a good part of a millisecond. */
const LET_IN = 4;

export interface ArrivalsOptions {
  readonly path: string;
  readonly socketMode: number;
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Descriptor of a socket that listens already: it keeps its path, mode and owner. */
  readonly given?: number | undefined;
  readonly log: Log;
  /** Whether a connection may stay: what takes it back where it does, undefined to refuse it. Asked before it has cost anything. */
  readonly take: (peer: Credentials) => (() => void) | undefined;
  /** A connection that its client had closed when its turn came: nobody is let in, but somebody had to look. */
  readonly left: (peer: Credentials) => void;
  /** A connection that may stay. Nothing was read from it, and it is paused. `giveBack` is to be called when it ends. */
  readonly arrived: (socket: Socket, peer: Credentials, giveBack: () => void) => void;
}

interface Waiting {
  readonly fd: number;
  readonly peer: Credentials;
  readonly giveBack: () => void;
}

/**
 * The connections that arrive at a socket. The event loop of Node takes one in a turn, in the order of the kernel's queue and at its full
 * price even where it is refused; a queue that fills faster turns newcomers away. So whoever waits behind that one is taken in here: who is
 * refused costs little, the others come in fair order, and every turn leaves time for those who are in already.
 */
export class Arrivals {
  readonly #watcher: Server;
  readonly #waiting = new FairQueue<Waiting>();
  #scheduled = false;

  constructor(private readonly options: ArrivalsOptions) {
    // Paused, so that the first bytes stay in the kernel until their writer is known.
    this.#watcher = createServer({ pauseOnConnect: true }, (socket) => this.#first(socket));
  }

  async listen(): Promise<void> {
    const { path, given, log } = this.options;
    // Whoever made it has it pass credentials from its beginning, too (PassCredentials= of the unit).
    if (given !== undefined) passCredentials(given);
    const fd = given ?? this.#make();
    await new Promise<void>((resolve, reject) => {
      this.#watcher.once('error', reject);
      // Beside the options: where they name a descriptor, a length among them is not looked at, and the queue has 511 places.
      this.#watcher.listen({ fd }, BACKLOG, resolve);
    });
    this.#watcher.removeAllListeners('error');
    this.#watcher.on('error', (error) => log.error({ error: error.message, path }, 'the socket does not accept connections'));
  }

  /** Its owner and mode are final before anybody can connect. */
  #make(): number {
    const { path, socketMode, owner } = this.options;
    // Between bind and chmod the file would have the mode that the umask leaves.
    const umask = process.umask(0o777 & ~socketMode);
    try {
      const fd = boundSocket(path);
      chmodSync(path, socketMode);
      if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
      return fd;
    } finally {
      process.umask(umask);
    }
  }

  /** Stops listening and removes the socket; who was still waiting is let go. */
  close(): void {
    if (this.options.given === undefined && this.#watcher.listening) rmSync(this.options.path, { force: true });
    this.#watcher.close();
    for (let waiting = this.#waiting.next(); waiting; waiting = this.#waiting.next()) drop(waiting);
  }

  #first(socket: Socket): void {
    const fd = descriptorOf(socket);
    const peer = orNothing(() => peerCredentials(fd));
    const giveBack = peer && this.#take(fd, peer);
    if (giveBack) this.options.arrived(socket, peer, giveBack);
    else socket.destroy();
    this.#crowd();
  }

  /** Who is gone already is not let in first and found gone then: that costs fifty times as much, and is how a flood gets through its pace. */
  #take(fd: number, peer: Credentials): (() => void) | undefined {
    if (!hungUp(fd)) return this.options.take(peer);
    this.options.left(peer);
    return undefined;
  }

  /** One turn of those who wait behind the first. */
  #crowd(): void {
    if (this.#scheduled || !this.#watcher.listening) return;
    const more = this.#lookAt();
    for (let left = LET_IN; left > 0 && this.#waiting.size > 0; left--) this.#letIn(this.#waiting.next()!);
    if (!more && this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#crowd();
    });
  }

  /** True where more may be in the kernel's queue. */
  #lookAt(): boolean {
    try {
      const listener = descriptorOf(this.#watcher);
      for (let left = LOOKED_AT; left > 0; left--) {
        const fd = acceptNext(listener);
        if (fd === undefined) return false;
        this.#queue(fd);
      }
      return true;
    } catch (thrown) {
      // No descriptor is left, for one: the event loop of Node tries again.
      this.options.log.error({ error: errnoOf(thrown), path: this.options.path }, 'the socket does not accept connections');
      return false;
    }
  }

  #queue(fd: number): void {
    const peer = orNothing(() => peerCredentials(fd));
    const giveBack = peer && this.#take(fd, peer);
    if (giveBack) this.#waiting.add(peer.uid, peer.pid, { fd, peer, giveBack });
    else closeSync(fd);
  }

  #letIn(waiting: Waiting): void {
    if (hungUp(waiting.fd)) {
      drop(waiting);
      this.options.left(waiting.peer);
    } else this.options.arrived(paused(waiting.fd), waiting.peer, waiting.giveBack);
  }
}

/** Undefined where it was gone before it was looked at. */
function orNothing(look: () => Credentials): Credentials | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function drop({ fd, giveBack }: Waiting): void {
  closeSync(fd);
  giveBack();
}

/** As a server with `pauseOnConnect` would hand it over. */
const paused = (fd: number): Socket =>
  new Socket({ fd, readable: true, writable: true, pauseOnCreate: true } as SocketConstructorOpts & { readonly pauseOnCreate: true });
