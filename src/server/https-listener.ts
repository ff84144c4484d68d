import { constants, createHash } from 'node:crypto';
import { type IncomingMessage, type RequestListener, Server as HttpServer, type ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { MandateError } from '../domain/errors';
import { TLS_SUITES } from '../domain/tls-suites';
import { AddressLimit } from './address-limit';

/** PEM of a private key, and of its certificate with what is between it and a root. */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface ListenerPlace {
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

/** Whoever asks for a document sends a line and a few headers, and is answered within a second. */
const TIMEOUT_MS = 10_000;
export const LISTENER_LIMITS = {
  headerBytes: 8 * 1024,
  timeoutMs: TIMEOUT_MS,
  requestsPerConnection: 100,
  connections: 1000,
  connectionsPerAddress: 64,
} as const;

const HTTP_OPTIONS: ServerOptions = {
  maxHeaderSize: LISTENER_LIMITS.headerBytes,
  headersTimeout: TIMEOUT_MS,
  requestTimeout: TIMEOUT_MS,
  keepAliveTimeout: TIMEOUT_MS / 2,
  // Node looks every 30 s by default, so a slow sender would get three times what it is given.
  connectionsCheckingInterval: TIMEOUT_MS / 5,
};

/** Whole: what is left out when an identity is renewed would go back to Node's defaults. */
const tlsOptions = ({ keyPem, certificatePem }: TlsIdentity) => ({
  key: keyPem,
  cert: certificatePem,
  minVersion: 'TLSv1.2' as const,
  ciphers: TLS_SUITES,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
});

/**
 * Opens an HTTPS listener for anybody: TLS 1.2 and 1.3, no client certificate, no renegotiation, every wait and every number bounded.
 * Throws E_PORT_IN_USE, and E_CONFIG where the address is none of this machine's or the port is not ours to take.
 */
export async function openHttps(place: ListenerPlace, identity: TlsIdentity, answer: RequestListener): Promise<HttpsListener> {
  const server = createServer(
    {
      ...HTTP_OPTIONS,
      ...tlsOptions(identity),
      requestCert: false,
      handshakeTimeout: TIMEOUT_MS,
    },
    answer,
  );
  await listen(server, place);
  return new HttpsListener(server);
}

export class HttpsListener {
  constructor(private readonly server: Server) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next handshake is made with this identity. Throws where it cannot be, and then keeps the one before. */
  renew(identity: TlsIdentity): void {
    this.server.setSecureContext(tlsOptions(identity));
  }

  close(): Promise<void> {
    return closeServer(this.server);
  }
}

/** Opens a plain HTTP listener on loopback, under the same bounds. Throws as `openHttps`. */
export async function openLocalHttp(port: number, answer: RequestListener): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = new HttpServer(HTTP_OPTIONS, answer);
  await listen(server, { address: '127.0.0.1', port });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

/** The path of a request, without what follows a question mark. */
export const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? '';

export const etagOf = (body: string): string => `"${createHash('sha256').update(body).digest('base64url')}"`;

async function listen(server: HttpServer | Server, { address, port }: ListenerPlace): Promise<void> {
  server.maxRequestsPerSocket = LISTENER_LIMITS.requestsPerConnection;
  server.maxConnections = LISTENER_LIMITS.connections;
  // Also for who asks and then does not read the answer.
  server.setTimeout(TIMEOUT_MS);
  const limit = new AddressLimit(LISTENER_LIMITS.connectionsPerAddress);
  server.on('connection', (socket: Socket) => {
    const from = socket.remoteAddress ?? '';
    if (!limit.take(from)) return void socket.destroy();
    socket.once('close', () => limit.give(from));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenFault(`${address}:${port}`, cause)));
    server.listen({ host: address, port }, resolve);
  });
}

function listenFault(saw: string, cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'EADDRINUSE') return new MandateError('E_PORT_IN_USE', { saw }, { cause });
  const why = cause.code === 'EACCES' ? 'ports below 1024 need a privilege that the server does not have' : `it cannot be listened on`;
  return new MandateError('E_CONFIG', { saw: `${saw} (${cause.code})`, why }, { cause });
}

const closeServer = (server: HttpServer | Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
