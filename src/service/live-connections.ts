import type { TLSSocket } from 'node:tls';
import { MandateError } from '../domain/errors';
import { parseSpiffeId } from '../domain/spiffe-id';
import { checkX509 } from './checks';
import { dropPeer, type Peer } from './peer';
import type { BundleSource } from './sources';

interface Live {
  readonly socket: TLSSocket;
  readonly chain: readonly Buffer[];
  readonly trustDomain: string;
  /** The roots that stood when it was verified. */
  roots: ReadonlySet<string>;
}

/**
 * Connections whose peer was verified: each ends when the SVID of its peer expires, or when an authority leaves the bundle and the SVID does
 * not verify without it. TLS itself looks at a certificate once and never again.
 */
export class LiveConnections {
  readonly #live = new Set<Live>();

  constructor(
    private readonly source: BundleSource,
    private readonly ended: (why: MandateError) => void,
  ) {}

  add(socket: TLSSocket, chain: readonly Buffer[], peer: Peer): void {
    const { clock } = this.source;
    const { trustDomain } = parseSpiffeId(peer.spiffeId);
    const one: Live = { socket, chain, trustDomain, roots: this.#rootsOf(trustDomain) };
    this.#live.add(one);
    const expire = (): void => {
      // A long validity is waited for in pieces: timers of Node end after 24 days.
      const left = peer.notAfterMs - clock.nowMs();
      if (left >= 0) cancel = clock.after(left + 1, expire);
      else this.#end(one, new MandateError('E_NOT_VERIFIED', { saw: peer.spiffeId, why: 'the SVID of an open connection has expired' }));
    };
    let cancel = (): void => undefined;
    expire();
    socket.once('close', () => {
      cancel();
      this.#live.delete(one);
    });
  }

  /** To be called after each change of the bundles. */
  recheck(): void {
    const now = new Map<string, ReadonlySet<string>>();
    for (const one of [...this.#live]) {
      const roots = now.get(one.trustDomain) ?? this.#rootsOf(one.trustDomain);
      now.set(one.trustDomain, roots);
      if ([...one.roots].every((root) => roots.has(root))) continue; // nothing was taken away
      try {
        checkX509(one.chain, this.source);
        one.roots = roots;
      } catch (error) {
        this.#end(one, error as MandateError);
      }
    }
  }

  #end(one: Live, why: MandateError): void {
    this.#live.delete(one);
    dropPeer(one.socket);
    one.socket.destroy();
    this.ended(why);
  }

  #rootsOf(trustDomain: string): ReadonlySet<string> {
    try {
      return new Set(this.source.bundleOf(trustDomain, 'x509').roots.map(({ certificate }) => certificate.tbs.toString('latin1')));
    } catch {
      return new Set();
    }
  }
}
