import {
  CallCredentials,
  ChannelCredentials,
  type Server as GrpcServer,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type { Server as NetServer, Socket } from 'node:net';
import { MandateError } from '../domain/errors';
import type { Authoriser } from './allow';
import type { Peer } from './peer';
import { fingerprint } from './peer-chain';
import { Connector, type TlsCalling } from './tls-client';
import { type TlsServing, tlsServer } from './tls-server';

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

export interface GrpcListener {
  /** What listens: `listener.listen(port, host)`, and `close()` at the end. */
  readonly listener: NetServer;
  /** The peer of a call that came in here. Throws E_PEER_NOT_ALLOWED for any other call. */
  peerOf(call: Pick<AnyCall, 'getAuthContext'>): Peer;
}

/**
 * Gives a grpc-js server the connections of verified and allowed peers only. Server credentials of grpc-js know an X.509 authority or none, and no
 * check of one's own, so connections are checked before grpc-js sees them; to it they look like plain ones.
 */
export function grpcListener(server: GrpcServer, serving: TlsServing & { readonly clients: Authoriser }): GrpcListener {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const connected = new Map<string, { readonly peer: Peer; connections: number }>();
  const listener = tlsServer({ ...serving, alpn: ['h2'] }, (socket, peer) => {
    const leaf = socket.getPeerX509Certificate()?.raw;
    if (!leaf) return void socket.destroy();
    const key = fingerprint(leaf);
    const entry = connected.get(key) ?? { peer, connections: 0 };
    entry.connections += 1;
    connected.set(key, entry);
    socket.once('close', () => {
      entry.connections -= 1;
      if (entry.connections === 0) connected.delete(key);
    });
    injector.injectConnection(socket);
  });
  listener.once('close', () => injector.destroy());
  return {
    listener,
    peerOf(call) {
      const leaf = call.getAuthContext().sslPeerCertificate?.raw;
      const entry = leaf && connected.get(fingerprint(leaf));
      if (entry) return entry.peer;
      throw new MandateError('E_PEER_NOT_ALLOWED', { saw: 'a call that no check of this library has passed' });
    },
  };
}

/** Credentials for channels of grpc-js that reach verified and allowed servers only, and show the SVID of the moment to each. */
export const channelCredentials = (calling: TlsCalling): ChannelCredentials => new SpiffeCredentials(new Connector(calling));

/** The members with an underscore are what grpc-js asks of the credentials that it brings itself; the version is pinned. */
class SpiffeCredentials extends ChannelCredentials {
  constructor(private readonly connector: Connector) {
    super();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials: CallCredentials = CallCredentials.createEmpty(),
  ): ReturnType<ChannelCredentials['_createSecureConnector']> {
    return {
      connect: async (socket: Socket) => ({ socket: await this.connector.connect({ socket, ALPNProtocols: ['h2'] }), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }
}
