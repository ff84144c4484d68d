import type { Socket } from 'node:net';
import { MandateError } from '../domain/errors';
import { descriptorOf } from './descriptor-of';
import type { Credentials } from './socket-credentials';
import { peerSocketInode } from './socket-peer';
import type { PinnedProcess } from './process-view';

/** One accepted connection and the process that made it, for as long as the connection lasts. */
export class PeerConnection {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  #process: PinnedProcess | undefined;
  #refusal: MandateError | undefined;
  #closed = false;
  #peerSocket: string | undefined;
  readonly #onClose = new Set<() => void>();

  constructor(
    readonly id: string,
    credentials: Credentials,
    private readonly socket: Socket,
  ) {
    this.pid = credentials.pid;
    this.uid = credentials.uid;
    this.gid = credentials.gid;
    socket.once('close', () => this.noteClosed());
  }

  /** The peer. Throws the refusal where there is one, so that a refused connection can never be attested. */
  get process(): PinnedProcess {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#process === undefined) throw new MandateError('E_PEER_GONE');
    return this.#process;
  }

  /** Why every call on this connection must be answered with this error; undefined for a peer that was admitted. */
  get refusal(): MandateError | undefined {
    return this.#refusal;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Inode of the socket at the other end, as /proc/PID/fd names it; undefined where the connection is closed, or the kernel does not
   * say. It stays the same for as long as the connection lives, so it is asked for once.
   */
  peerSocket(): string | undefined {
    if (this.#closed) return undefined;
    this.#peerSocket ??= peerSocketInode(descriptorOf(this.socket));
    return this.#peerSocket;
  }

  /** Throws unless the connection is open, admitted, and its process is still the one that connected (PinnedProcess.recheck). */
  recheck(): void {
    if (this.#closed) throw new MandateError('E_PEER_GONE');
    const { process } = this;
    process.recheck();
    if (process.uid !== this.uid || process.gid !== this.gid) {
      throw new MandateError('E_PEER_CREDENTIALS', {
        saw: `uid ${process.uid} gid ${process.gid}`,
        why: `it connected as uid ${this.uid} gid ${this.gid}`,
      });
    }
  }

  /** Runs `closed` once, when the connection has ended; at once where it already has. The returned function takes it back. */
  onClose(closed: () => void): () => void {
    if (this.#closed) closed();
    else this.#onClose.add(closed);
    return () => void this.#onClose.delete(closed);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Called by the listener alone: the connection holds the pin from here on. */
  hold(process: PinnedProcess): void {
    this.#process = process;
    this.onClose(process.onExit(() => this.destroy()));
    this.onClose(() => process.release());
  }

  /** Called by the listener alone. */
  refuse(refusal: MandateError): void {
    this.#refusal = refusal;
  }

  private noteClosed(): void {
    this.#closed = true;
    const listeners = [...this.#onClose];
    this.#onClose.clear();
    for (const closed of listeners) closed();
  }
}
