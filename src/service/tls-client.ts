import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { asMandateError, MandateError } from '../domain/errors';
import { type Authoriser, requireAllowed } from './allow';
import { checkX509 } from './checks';
import { LiveConnections } from './live-connections';
import { setPeer } from './peer';
import { peerChain } from './peer-chain';
import type { BundleSource, IdentitySource, X509Identity } from './sources';
import { clientContext } from './tls-context';

const HANDSHAKE_MS = 10_000;

export type TlsCalling = {
  /** Which servers are meant; host names play no part. */
  readonly server: Authoriser;
  /** Lets connections live on when the SVID of the server has expired or is trusted no more. */
  readonly outliveSvid?: boolean;
} & ({ readonly source: IdentitySource; readonly anonymous?: false } | { readonly source: BundleSource; readonly anonymous: true });

/**
 * An agent for `https.request` whose connections go to verified and allowed servers only, and show the SVID of the source unless it is
 * `anonymous`. Its sessions are never resumed: a resumed session carries no certificate that could be checked again.
 */
export function httpsAgent(calling: TlsCalling, options: AgentOptions = {}): Agent {
  return new SpiffeAgent(calling, options);
}

class SpiffeAgent extends Agent {
  readonly #connector: Connector;

  constructor(calling: TlsCalling, options: AgentOptions) {
    super({ ...options, maxCachedSessions: 0 });
    this.#connector = new Connector(calling);
  }

  // What an agent or a request says about certificates, keys and authorities is left out: only where to connect to is taken.
  override createConnection(options: ConnectionOptions, done?: (error: Error | null, stream: Duplex) => void): Duplex {
    const { host, port, servername, lookup } = options;
    const to = { host, port, servername, lookup, ALPNProtocols: ['http/1.1'] } as ConnectionOptions;
    this.#connector.connect(to).then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined as never; // Node takes the socket from the callback where none is returned
  }
}

/** Opens TLS connections and checks who answers. */
export class Connector {
  readonly #live: LiveConnections;

  constructor(private readonly calling: TlsCalling) {
    this.#live = new LiveConnections(calling.source, () => undefined);
    // For as long as the source lives, which is as long as this can connect.
    calling.source.watch(() => calling.outliveSvid === true || this.#live.recheck());
  }

  /** A connection to a verified and allowed server, over which nothing was sent yet. Throws E_NOT_VERIFIED, E_PEER_NOT_ALLOWED, E_BUNDLE_STALE. */
  connect(to: ConnectionOptions): Promise<TLSSocket> {
    const { source, server, outliveSvid } = this.calling;
    return new Promise((resolve, reject) => {
      const secureContext = clientContext(this.#identity());
      const socket = connect({ ...to, secureContext, rejectUnauthorized: false });
      const cancel = source.clock.after(HANDSHAKE_MS, () =>
        socket.destroy(new MandateError('E_TIMEOUT', { why: 'no TLS handshake in time' })),
      );
      socket.once('error', reject);
      socket.once('close', () => reject(new MandateError('E_NOT_VERIFIED', { why: 'the connection closed during the handshake' })));
      socket.once('secureConnect', () => {
        cancel();
        try {
          const chain = peerChain(socket);
          const peer = checkX509(chain, source);
          requireAllowed(server, peer);
          if (outliveSvid !== true) this.#live.add(socket, chain, peer);
          socket.authorized = true;
          setPeer(socket, peer);
          socket.off('error', reject);
          resolve(socket);
        } catch (error) {
          reject(asMandateError(error));
          socket.destroy();
        }
      });
    });
  }

  #identity(): X509Identity | undefined {
    return this.calling.anonymous === true ? undefined : this.calling.source.svid();
  }
}
