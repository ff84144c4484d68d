import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer as createTlsServer, type Server, type TLSSocket } from 'node:tls';
import { asMandateError, type MandateError } from '../domain/errors';
import { type Authoriser, requireAllowed } from './allow';
import { checkX509 } from './checks';
import { LiveConnections } from './live-connections';
import { type Peer, setPeer } from './peer';
import { Intermediates, peerChain } from './peer-chain';
import type { IdentitySource, X509Identity } from './sources';
import { contextOptions } from './tls-context';

const HANDSHAKE_MS = 10_000;

export interface TlsServing {
  readonly source: IdentitySource;
  /** Which X509-SVIDs may connect; `by-jwt` where clients show none, because a JWT check behind this server identifies them. */
  readonly clients: Authoriser | 'by-jwt';
  /** Told of each connection that was refused or ended, and why; the other side is told nothing. */
  readonly onRefused?: (refusal: MandateError) => void;
  /** Lets connections live on when the SVID of their peer has expired or is trusted no more. */
  readonly outliveSvid?: boolean;
}

/** An HTTPS server that hears verified and allowed peers only; `peerOf(request)` says who they are. It presents the SVID of the source. */
export function httpsServer(serving: TlsServing, listener: RequestListener): HttpsServer {
  const server = createHttpsServer({ ...handshake(serving), ALPNProtocols: ['http/1.1'] });
  // What https would do with a finished handshake happens after the check instead: no byte is parsed before.
  const [hear] = server.listeners('secureConnection') as ((this: HttpsServer, socket: TLSSocket) => void)[];
  server.removeAllListeners('secureConnection');
  const renewals = new WeakMap<object, number>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Past its renewal a peer has a newer SVID: it is asked to come back with it before this one expires under a request.
    if (serving.source.clock.nowMs() > (renewals.get(request.socket) ?? Infinity)) response.shouldKeepAlive = false;
    listener(request, response);
  });
  guard(server, serving, (socket, peer) => {
    const nowMs = serving.source.clock.nowMs();
    if (peer && serving.outliveSvid !== true) renewals.set(socket, nowMs + ((peer.notAfterMs - nowMs) * 2) / 3);
    hear?.call(server, socket);
  });
  return server;
}

/** A TLS server that gives `accept` the connections of verified and allowed peers only. */
export function tlsServer(
  serving: TlsServing & { readonly clients: Authoriser; readonly alpn?: readonly string[] },
  accept: (socket: TLSSocket, peer: Peer) => void,
): Server {
  const server = createTlsServer({ ...handshake(serving), ...(serving.alpn && { ALPNProtocols: [...serving.alpn] }) });
  guard(server, serving, (socket, peer) => peer && accept(socket, peer));
  return server;
}

/** A certificate is asked for, but OpenSSL's verdict on it ends nothing: it knows no authority (see tls-context), and `guard` decides. */
const handshake = ({ clients }: TlsServing) => ({
  requestCert: clients !== 'by-jwt',
  rejectUnauthorized: false,
  handshakeTimeout: HANDSHAKE_MS,
});

/**
 * Makes a TLS server present the SVID of the source and check every peer when its handshake is done, resumed or not, before anything
 * reads from the socket. A new context has new ticket keys, so a rotation also ends the resumption of earlier sessions.
 */
function guard(server: Server, serving: TlsServing, deliver: (socket: TLSSocket, peer: Peer | undefined) => void): void {
  const { source, clients } = serving;
  const refused = (why: MandateError): void => serving.onRefused?.(why);
  const intermediates = new Intermediates();
  const live = new LiveConnections(source, refused);
  const renew = (): void => server.setSecureContext(contextOptions(identityOf(source, refused)));
  renew();
  const unwatch = source.watch(() => {
    renew();
    if (serving.outliveSvid !== true) live.recheck();
  });
  server.once('close', unwatch);

  server.on('secureConnection', (socket: TLSSocket) => {
    try {
      source.svid(); // what we showed must still be ours: it may have expired since the last rotation
      if (clients === 'by-jwt') return deliver(socket, undefined);
      const chain = intermediates.complete(peerChain(socket));
      const peer = checkX509(chain, source);
      requireAllowed(clients, peer);
      intermediates.remember(chain);
      if (serving.outliveSvid !== true) live.add(socket, chain, peer);
      socket.authorized = true; // frameworks ask for this flag; OpenSSL, who knew no authority, left it down
      setPeer(socket, peer);
      deliver(socket, peer);
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      refused(asMandateError(error));
    }
  });
}

function identityOf(source: IdentitySource, refused: (why: MandateError) => void): X509Identity | undefined {
  try {
    return source.svid();
  } catch (error) {
    refused(asMandateError(error));
    return undefined;
  }
}
