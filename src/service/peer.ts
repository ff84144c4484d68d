import { MandateError } from '../domain/errors';
import type { Lineage } from './lineage-claim';

/** Who is on the other side, verified and allowed. */
export interface Peer {
  readonly kind: 'x509-svid' | 'jwt-svid';
  readonly spiffeId: string;
  /** Serial in lower-case hex, or `jti` where the token has one: what `mandate trace` takes. */
  readonly serial: string | undefined;
  readonly notAfterMs: number;
  /** Only in JWT-SVIDs that Mandate issued; X509-SVIDs say nothing of it. */
  readonly lineage: Lineage | undefined;
}

const peers = new WeakMap<object, Peer>();

/** Remembers whose a socket or request is; only what has passed every check is given to it. */
export const setPeer = (of: object, peer: Peer): void => void peers.set(of, peer);

/** Forgets whose it was: from here on `peerOf` throws for it. */
export const dropPeer = (of: object): void => void peers.delete(of);

/**
 * The peer of a request or socket: by its JWT-SVID where a JWT check passed it, else by the X509-SVID of its connection. Throws
 * E_PEER_NOT_ALLOWED where nothing of this library checked it: a forgotten check must not look like a peer.
 */
export function peerOf(of: object): Peer {
  for (const one of [of, member(of, 'raw'), member(of, 'socket'), member(member(of, 'raw'), 'socket')]) {
    const peer = one && peers.get(one);
    if (peer) return peer;
  }
  throw new MandateError('E_PEER_NOT_ALLOWED', { saw: 'a request that no check of this library has passed' });
}

function member(of: object | undefined, name: 'raw' | 'socket'): object | undefined {
  const value: unknown = of && (of as Record<string, unknown>)[name];
  return typeof value === 'object' && value !== null ? value : undefined;
}
