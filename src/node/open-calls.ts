import { MandateError } from '../domain/errors';
import type { PeerConnection } from '../system/peer-connection';

export interface MostCalls {
  readonly perProcess: number;
  readonly perUid: number;
}

/**
 * Calls under way, streams among them, by process and by user. One connection may carry a thousand, and a process may have a thousand connections:
 * each bound alone would let their product through.
 */
export class OpenCalls {
  readonly #ofProcess = new Map<string, number>();
  readonly #ofUser = new Map<number, number>();

  constructor(private readonly most: MostCalls) {}

  /** Counts one more call of this peer and returns what takes it back; that may be called again. Throws E_PEER_CALLS, or why the peer was refused. */
  begin({ process: { key }, uid }: Pick<PeerConnection, 'process' | 'uid'>): () => void {
    const [held, usersHeld] = [this.#ofProcess.get(key) ?? 0, this.#ofUser.get(uid) ?? 0];
    if (held >= this.most.perProcess) throw new MandateError('E_PEER_CALLS', { saw: `${held} calls of one process` });
    if (usersHeld >= this.most.perUid) throw new MandateError('E_PEER_CALLS', { saw: `${usersHeld} calls of one user` });
    this.#ofProcess.set(key, held + 1);
    this.#ofUser.set(uid, usersHeld + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      less(this.#ofProcess, key);
      less(this.#ofUser, uid);
    };
  }
}

function less<K>(counts: Map<K, number>, of: K): void {
  const left = counts.get(of)! - 1;
  if (left > 0) counts.set(of, left);
  else counts.delete(of);
}
