import { createServer, type Server, type ServerOptions } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { KeyObject } from 'node:crypto';
import { pem } from '../../src/domain/pem';
import { type Forged, type Forgery, forge } from '../verify/forge';

const DAY_MS = 24 * 3600 * 1000;

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** As `forge`, valid around the present. */
export const forgeNow = (wish: Forgery): Promise<Forged> =>
  forge({ notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS, ...wish });

/** A web authority and a certificate of it for the names; no SPIFFE ID anywhere. */
export async function webIdentity(dns: readonly string[]): Promise<{ ca: string; identity: Identity }> {
  const root = await forgeNow({ ca: true, name: 'CN=web root', uris: [] });
  return { ca: pem('CERTIFICATE', root.der), identity: identityOf(await forgeNow({ issuer: root, name: 'CN=localhost', uris: [], dns })) };
}

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export const identityOf = (leaf: { readonly der: Buffer; readonly key: KeyObject }, ...above: readonly Forged[]): Identity => ({
  key: leaf.key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  cert: [leaf, ...above].map(({ der }) => pem('CERTIFICATE', der)).join(''),
});

/** JWK of an X.509 authority, as a bundle document lists it. */
export const x509Entry = ({ der }: { readonly der: Buffer }): object => ({ use: 'x509-svid', kty: 'EC', x5c: [der.toString('base64')] });

export const bundleText = (roots: readonly { readonly der: Buffer }[], members: object = {}): string =>
  JSON.stringify({ keys: roots.map(x509Entry), ...members });

/** The HTTPS endpoint of a partner that answers whatever a test says. It listens on 127.0.0.1 alone. */
export class PartnerServer {
  readonly requests: IncomingMessage[] = [];
  answer: Answer;

  private constructor(
    private readonly server: Server,
    answer: Answer,
  ) {
    this.answer = answer;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push(request);
      this.answer(request, response);
    });
    // A client that goes away is what many of these tests want.
    server.on('tlsClientError', () => undefined);
    server.on('secureConnection', (socket: Socket) => socket.on('error', () => undefined));
  }

  static async start(identity: Identity, answer: Answer, options: ServerOptions = {}): Promise<PartnerServer> {
    const server = createServer({ ...identity, ...options });
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
    return new PartnerServer(server, answer);
  }

  /** By the name `localhost`, which is the address ::1 as well on most machines, where nothing listens. */
  get url(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}/bundle`;
  }

  /** Takes effect with the next connection. */
  become(identity: Identity): void {
    this.server.setSecureContext(identity);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const json =
  (text: string): Answer =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
