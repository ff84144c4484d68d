import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { answerer, Keys, listener } from './reference-signer';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The reference signer inside a test, on a unix socket: it can be stopped and started with its keys, and made to answer anything. */
export class TestSigner {
  readonly keys = new Keys(undefined);
  /** Answers instead of the signer; undefined where it answers itself. */
  instead: Answer | undefined;
  requests = 0;
  /** Requests that are being answered at this moment, and the most there were. */
  running = 0;
  most = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #usual: Answer;

  /** `folder` belongs to the signer alone. */
  constructor(
    readonly folder: string,
    token: string | null = 'a-token-of-this-test',
  ) {
    chmodSync(folder, 0o711);
    if (token !== null) this.give(token);
    const usual = listener(answerer(this.keys, () => token ?? undefined));
    this.#usual = (request, response) => void usual(request, response);
  }

  get socket(): string {
    return path.join(this.folder, 'signer.sock');
  }

  get tokenFile(): string {
    return path.join(this.folder, 'token');
  }

  /** The port, where it listens on loopback. */
  get port(): number {
    return (this.#server?.address() as AddressInfo).port;
  }

  /** What the client shows from now on. */
  give(token: string, mode = 0o600): void {
    writeFileSync(this.tokenFile, `${token}\n`);
    chmodSync(this.tokenFile, mode);
  }

  /** On its socket, or on loopback; there also over TLS. */
  async start(
    place: { readonly path: string } | { readonly host: string; readonly port: number } = { path: this.socket },
    tls?: ServerOptions,
  ): Promise<this> {
    const answer: Answer = (request, response) => {
      this.requests++;
      this.most = Math.max(this.most, ++this.running);
      response.once('close', () => this.running--);
      (this.instead ?? this.#usual)(request, response);
    };
    const server = tls ? createHttpsServer(tls, answer) : createServer(answer);
    // A client that does not like our certificate is what some of these tests want.
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(place, resolve));
    if ('path' in place) chmodSync(place.path, 0o666);
    this.#server = server;
    return this;
  }

  /** As the signer answers, for a test that changes only some of it. */
  usual(request: IncomingMessage, response: ServerResponse): void {
    this.#usual(request, response);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    if (existsSync(this.socket)) rmSync(this.socket);
  }
}

/** Answers with a status and a text. */
export const say =
  (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };
