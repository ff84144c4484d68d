import { Socket } from 'node:net';
import type { SocketConstructorOpts } from 'node:net';
import { pipeline } from 'node:stream';
import type { Clock, Log } from '../domain/ports';
import { AuthorityRewriting } from './authority-rewriting';
import { ConnectionOpening } from './connection-opening';
import { descriptorOf } from './descriptor-of';
import type { FairShare } from './fair-share';
import { worthALook } from './first-words';
import { EMPTY_SETTINGS } from './http2-frames';
import { peekBytes } from './socket-credentials';
import { streamPair } from './stream-pair';

/** How long a client may take to make its first request before it is served by the way that fits every request. */
const DECIDE_MS = 2000;
export interface AnyAuthorityOptions {
  /** Begins HTTP/2 on a socket that may have been read from: what was read lies in its buffer. */
  readonly hand: (socket: Socket) => void;
  /** Of connections that are rewritten: each of them costs two more descriptors. */
  readonly places: FairShare;
  readonly clock: Clock;
  readonly log: Log;
}

export interface KnownPeer {
  /** What the connection is known by to calls (PeerListener). */
  readonly id: string;
  readonly uid: number;
}

/**
 * Lets clients in whose `:authority` Node's HTTP/2 resets before any code of ours runs (localAuthority). Whether a client is one shows in its first
 * request, which most make only after they have seen SETTINGS. Waiting for it would cost every client a round trip, so only those whose first
 * words are worth it are sent some, and what comes is looked at before HTTP/2 begins on the socket.
 * Where the request is fine, Node gets the socket itself and all that was read; otherwise one end of a pair, and between the other end and
 * the client every request is rewritten.
 */
export class AnyAuthority {
  constructor(private readonly options: AnyAuthorityOptions) {}

  /** The socket is paused, and unread. */
  begin(socket: Socket, peer: KnownPeer): void {
    let worth = worthALook(peekBytes(descriptorOf(socket)));
    if (worth === false) return this.options.hand(socket);
    const opening = new ConnectionOpening();
    const settled = (): void => {
      stopTimer();
      socket.off('data', read).off('close', stopTimer).pause();
    };
    const read = (chunk: Buffer): void => {
      const verdict = opening.read(chunk);
      worth ??= worthALook(opening.everything);
      if (verdict !== 'wait' || worth === false) {
        settled();
        if (verdict === 'rewritten') this.#rewrite(socket, peer, opening);
        else this.#asIs(socket, opening);
      } else if (worth === true && opening.announce()) socket.write(EMPTY_SETTINGS);
    };
    const stopTimer = this.options.clock.after(DECIDE_MS, () => {
      settled();
      this.#rewrite(socket, peer, opening);
    });
    socket.on('data', read).once('close', stopTimer).resume();
  }

  #asIs(socket: Socket, opening: ConnectionOpening): void {
    socket.unshift(opening.bytes);
    this.options.hand(socket);
  }

  #rewrite(socket: Socket, { id, uid }: KnownPeer, opening: ConnectionOpening): void {
    const giveBack = this.options.places.take(uid);
    const pair = giveBack && pairOrNothing();
    if (pair === undefined) {
      giveBack?.();
      return void socket.destroy();
    }
    const [ours, nodes] = pair;
    socket.once('close', () => {
      giveBack?.();
      ours.destroy();
    });
    // What grpc-js hands out as the peer of a call, as for the socket itself.
    Object.defineProperty(nodes, 'remoteAddress', { value: id });
    for (const end of pair) end.on('error', (error) => this.options.log.debug({ error: error.message }, 'a rewritten connection broke'));
    const ended = (error?: Error | null): void => {
      if (error) this.options.log.debug({ error: error.message }, 'a rewritten connection ended');
    };
    socket.unshift(opening.everything);
    pipeline(socket, new AuthorityRewriting(opening.unasked), ours, ended);
    pipeline(ours, socket, ended);
    this.options.hand(nodes);
  }
}

/** Two connected sockets, both paused; undefined where no descriptor is left. */
function pairOrNothing(): readonly [Socket, Socket] | undefined {
  try {
    const [ours, nodes] = streamPair();
    return [paused(ours), paused(nodes)];
  } catch {
    return undefined;
  }
}

const paused = (fd: number): Socket =>
  new Socket({ fd, readable: true, writable: true, pauseOnCreate: true } as SocketConstructorOpts & { readonly pauseOnCreate: true });
