import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createHash } from 'node:crypto';
import { BUNDLE_PATH } from '../domain/bundle';
import { MandateError } from '../domain/errors';

const MAX_HEADER_BYTES = 8 * 1024;
const TIMEOUT_MS = 10_000;
/** AEAD suites with forward secrecy only (SPIFFE federation: Mozilla's intermediate profile). */
const CIPHERS = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305';

export interface TlsIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface Published {
  readonly body: string;
  readonly refreshHintSeconds: number;
}

/** Serves the trust bundle in SPIFFE format over HTTPS on loopback. Needs no client authentication. Throws E_PORT_IN_USE. */
export async function publishBundle(port: number, identity: TlsIdentity, bundle: () => Published): Promise<HttpsServer> {
  const server = createHttpsServer(
    { ...tlsOptions(identity), minVersion: 'TLSv1.2', ciphers: CIPHERS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      if (pathOf(request) !== BUNDLE_PATH) return plain(response, 404, 'not found');
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
      const { body, refreshHintSeconds } = bundle();
      const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
      response.setHeader('etag', etag);
      response.setHeader('cache-control', `max-age=${Math.max(1, Math.floor(refreshHintSeconds / 4))}`);
      if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
  );
  await listen(server, port);
  return server;
}

/** A rotated certificate takes effect for the next handshake. */
export const renewTls = (server: HttpsServer, identity: TlsIdentity): void => server.setSecureContext(tlsOptions(identity));

const tlsOptions = ({ keyPem, certificatePem }: TlsIdentity) => ({ key: keyPem, cert: certificatePem });

/** Liveness and readiness over plain HTTP on loopback; `ready` says why not. */
export async function publishHealth(port: number, ready: () => Promise<readonly string[]>): Promise<Server> {
  const server = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(response, 405, 'method not allowed');
    const path = pathOf(request);
    if (path === '/live') return plain(response, 200, 'live');
    if (path !== '/ready') return plain(response, 404, 'not found');
    ready().then(
      (missing) => plain(response, missing.length === 0 ? 200 : 503, missing.length === 0 ? 'ready' : `not ready: ${missing.join(', ')}`),
      () => plain(response, 503, 'not ready'),
    );
  });
  await listen(server, port);
  return server;
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? '';

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

async function listen(server: Server | HttpsServer, port: number): Promise<void> {
  server.headersTimeout = TIMEOUT_MS;
  server.requestTimeout = TIMEOUT_MS;
  server.maxConnections = 1000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cause.code === 'EADDRINUSE' ? new MandateError('E_PORT_IN_USE', { saw: `127.0.0.1:${port}` }, { cause }) : cause),
    );
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
}

export const closeHttp = (server: Server | HttpsServer): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
