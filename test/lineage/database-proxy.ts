import { mkdtempSync, rmSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * What happens to the next lineage statement: `lost-request` never reaches PostgreSQL; `lost-answer` is carried out, and the connection
 * breaks before the answer; the `hung` ones keep the connection open and silent.
 */
export type Fault = 'lost-request' | 'lost-answer' | 'hung-request' | 'hung-answer';

/** A proxy in front of PostgreSQL's socket that can misbehave, and that counts lineage statements. */
export class DatabaseProxy {
  /** How often a lineage statement was sent by the writer, whatever became of it. */
  sent = 0;
  lookUps = 0;
  /** Refuse new connections from the next fault on. */
  closeOnFault = false;
  #fault: Fault | undefined;
  #struck: (() => void) | undefined;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'mandate-proxy-'));

  constructor(private readonly target: string) {}

  static async start(url: string): Promise<{ proxy: DatabaseProxy; url: string }> {
    const through = new URL(url);
    const proxy = new DatabaseProxy(`${through.searchParams.get('host')}/.s.PGSQL.5432`);
    through.searchParams.set('host', proxy.#folder);
    await proxy.listen();
    return { proxy, url: through.toString() };
  }

  /** Arms one fault; the promise resolves when it has struck (for answers: when PostgreSQL has answered). */
  arm(fault: Fault): Promise<void> {
    this.#fault = fault;
    return new Promise((resolve) => (this.#struck = resolve));
  }

  listen(): Promise<void> {
    this.#server = createServer((client) => this.#relay(client));
    return new Promise((resolve) => this.#server?.listen(path.join(this.#folder, '.s.PGSQL.5432'), resolve));
  }

  /** Nobody listens any more and every connection breaks. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async end(): Promise<void> {
    await this.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #relay(client: Socket): void {
    const server = connect(this.target);
    let fault: Fault | undefined;
    const strike = () => {
      if (this.closeOnFault) void this.close();
      if (fault?.startsWith('lost')) {
        client.destroy();
        server.destroy();
      }
      this.#struck?.();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data) => {
      const text = data.toString('latin1');
      // Bind: type byte, length, empty portal name, statement name.
      const statements = text.match(/B[^]{4}\0lineage_\w+\0/g)?.length ?? 0;
      this.sent += statements;
      if (text.includes("'look up'")) this.lookUps++;
      if (statements > 0 && this.#fault !== undefined) {
        fault = this.#fault;
        this.#fault = undefined;
        if (fault.endsWith('request')) return strike();
      }
      server.write(data);
    });
    server.on('data', (data) => {
      // ReadyForQuery in the answer: the statement is committed.
      if (fault === undefined) client.write(data);
      else if (data.includes('Z\0\0\0\x05I', 0, 'latin1')) strike();
    });
  }
}
