import type { Socket } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server, ServerOptions } from '@grpc/grpc-js';
import { asMandateError, MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import { peekSender, peerPidfd } from './socket-credentials';
import type { Credentials } from './socket-credentials';
import { AnyAuthority } from './any-authority';
import { Arrivals } from './arrivals';
import { descriptorOf } from './descriptor-of';
import { Door } from './door';
import { FairShare } from './fair-share';
import { PeerConnection } from './peer-connection';
import type { PinnedProcesses } from './processes';
import type { Readiness } from './readiness';
import { prepareSocketPath } from './socket-path';
import type { SocketPlace } from './socket-path';

/** Bounds of one connection, for the constructor of the gRPC server that is listened with. Headers are bounded by Node: 64 KiB a request. */
export const PEER_SERVER_OPTIONS: ServerOptions = {
  'grpc.max_concurrent_streams': 1000,
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.enable_channelz': 0,
};

/** How long a connection may stay silent before its first byte. */
const FIRST_BYTE_MS = 2000;
/** Connections whose requests are rewritten (AnyAuthority). */
const MAX_REWRITTEN = 1000;
/** How long a refused connection may stay to hear why. */
const REFUSED_MS = 2000;

export interface PeerListenerOptions extends SocketPlace {
  /** A socket that listens at the path already, made by somebody who keeps it: neither made, changed nor removed here. */
  readonly given?: number | undefined;
  /** Has its services and interceptors already; is bound to nothing. */
  readonly server: Server;
  readonly socketMode: number;
  readonly processes: PinnedProcesses;
  readonly readiness: Readiness;
  /** Throws a MandateError to refuse. The connection then stays open for a moment and every call on it is answered with that error. */
  readonly admit: (peer: PeerConnection) => void;
  /** Compare the writer of the first byte with the process that connected. */
  readonly senderPeek: boolean;
  /** Also serves clients whose `:authority` Node would reset (AnyAuthority). */
  readonly anyAuthority?: boolean;
  readonly maxPerProcess: number;
  readonly maxPerUid: number;
  readonly maxTotal: number;
  readonly onRefused: (error: MandateError, credentials: Credentials) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Serves gRPC on a unix socket where every connection has a known peer: the kernel names it at accept, its process is pinned before the
 * first call is read, and the connection ends with the process. Throws as `prepareSocketPath` does.
 */
export async function listenForPeers(options: PeerListenerOptions): Promise<PeerListener> {
  if (options.given === undefined) await prepareSocketPath(options);
  const listener = new PeerListener(options);
  await listener.listen();
  return listener;
}

export class PeerListener {
  readonly #connections = new Map<string, PeerConnection>();
  /** By id of the connection: how its process is pinned, until it is. */
  readonly #unidentified = new Map<string, () => void>();
  readonly #perProcess = new Map<string, number>();
  readonly #injector: ReturnType<Server['createConnectionInjector']>;
  readonly #arrivals: Arrivals;
  readonly #anyAuthority: AnyAuthority;
  #nextId = 1;
  #allGone: (() => void) | undefined;

  constructor(private readonly options: PeerListenerOptions) {
    const door = new Door(options);
    this.#injector = options.server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#anyAuthority = new AnyAuthority({ ...options, places: new FairShare(MAX_REWRITTEN), hand: (socket) => this.hand(socket) });
    this.#arrivals = new Arrivals({
      ...options,
      take: (credentials) => door.take(credentials),
      left: (credentials) => door.left(credentials),
      arrived: (socket, credentials, giveBack) => this.arrived(socket, credentials, giveBack),
    });
  }

  listen(): Promise<void> {
    return this.#arrivals.listen();
  }

  /** The connection a call came in by; read it when the call starts, since the call forgets it when the connection ends. */
  peerOf(call: { getPeer(): string }): PeerConnection | undefined {
    // In a crowd the call may come first.
    this.identifyOnce(call.getPeer());
    return this.#connections.get(call.getPeer());
  }

  connections(): number {
    return this.#connections.size;
  }

  /**
   * Stops listening, ends every connection, and removes the socket unless it was given. Streams that were ended before get `graceMs` to say so: a status that
   * is cut off with its connection tells the client nothing.
   */
  async close(graceMs = 0): Promise<void> {
    this.#arrivals.close();
    const allGone = new Promise<void>((resolve) => (this.#allGone = resolve));
    this.noteGone();
    const cut = () => {
      for (const connection of this.#connections.values()) connection.destroy();
    };
    if (graceMs === 0) cut();
    else this.#injector.drain(graceMs);
    const stopTimer = graceMs === 0 ? undefined : this.options.clock.after(graceMs, cut);
    await allGone;
    stopTimer?.();
    this.#injector.destroy();
  }

  private arrived(socket: Socket, credentials: Credentials, giveBack: () => void): void {
    socket.on('error', (error) => this.options.log.debug({ error: error.message }, 'a connection broke'));
    const peer = this.register(socket, credentials);
    peer.onClose(giveBack);
    if (this.options.senderPeek) this.awaitSender(peer, socket);
    else this.inject(peer, socket);
    // The kernel keeps the peer with the socket, so it can be pinned while the client reads our settings.
    this.#unidentified.set(peer.id, () => this.identify(peer, socket, credentials));
    setImmediate(() => this.identifyOnce(peer.id));
  }

  private register(socket: Socket, credentials: Credentials): PeerConnection {
    const peer = new PeerConnection(`peer:${this.#nextId++}`, credentials, socket);
    this.#connections.set(peer.id, peer);
    peer.onClose(() => {
      this.#connections.delete(peer.id);
      this.noteGone();
    });
    // What grpc-js hands out as the peer of a call; on a unix socket there is none of its own.
    Object.defineProperty(socket, 'remoteAddress', { value: peer.id });
    return peer;
  }

  private noteGone(): void {
    if (this.#connections.size === 0) this.#allGone?.();
  }

  private identifyOnce(id: string): void {
    const identify = this.#unidentified.get(id);
    this.#unidentified.delete(id);
    identify?.();
  }

  private identify(peer: PeerConnection, socket: Socket, { pid, uid, gid }: Credentials): void {
    if (peer.closed || peer.refusal !== undefined) return;
    try {
      const process = this.options.processes.fromPeer(peerPidfd(descriptorOf(socket)), pid, uid, gid);
      peer.hold(process);
      const { key } = process;
      const held = count(this.#perProcess, key, 1);
      peer.onClose(() => count(this.#perProcess, key, -1));
      if (held > this.options.maxPerProcess) throw new MandateError('E_PEER_LIMIT', { saw: `${held} connections of one process` });
      this.options.admit(peer);
    } catch (thrown) {
      this.refuse(peer, asMandateError(thrown));
    }
  }

  /** Waits for the first byte and compares who wrote it: a child that writes into its parent's connection is not the parent. */
  private awaitSender(peer: PeerConnection, socket: Socket): void {
    const { clock, readiness } = this.options;
    const sender = peekOr(() => peekSender(descriptorOf(socket)));
    if (sender === 'closed') return peer.destroy();
    if (sender !== 'empty') {
      if (sender.pid !== peer.pid) this.refuse(peer, new MandateError('E_PEER_SENDER', { saw: `written by pid ${sender.pid}` }));
      return this.inject(peer, socket);
    }
    const stopWaiting = readiness.once(descriptorOf(socket), () => {
      stopTimer();
      forget();
      if (!peer.closed) this.awaitSender(peer, socket);
    });
    const stopTimer = clock.after(FIRST_BYTE_MS, () => peer.destroy());
    const forget = peer.onClose(() => {
      stopTimer();
      stopWaiting();
    });
  }

  /** The connection stays for a moment, and every call on it is answered with the refusal. */
  private refuse(peer: PeerConnection, refusal: MandateError): void {
    if (peer.refusal !== undefined) return;
    peer.refuse(refusal);
    this.options.onRefused(refusal, peer);
    peer.onClose(this.options.clock.after(REFUSED_MS, () => peer.destroy()));
  }

  private inject(peer: PeerConnection, socket: Socket): void {
    if (this.options.anyAuthority === true) this.#anyAuthority.begin(socket, peer);
    else this.hand(socket);
  }

  /** Begins HTTP/2. What was read before lies in the buffer, where the session takes it; a socket that is resumed would give it to nobody. */
  private hand(socket: Socket): void {
    const unread = socket.readableLength === 0;
    this.#injector.injectConnection(socket);
    if (unread) socket.resume();
  }
}

function peekOr(peek: () => ReturnType<typeof peekSender>): ReturnType<typeof peekSender> {
  try {
    return peek();
  } catch {
    return 'closed';
  }
}

function count<K>(counts: Map<K, number>, key: K, change: 1 | -1): number {
  const next = (counts.get(key) ?? 0) + change;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
  return next;
}
