import pg from 'pg';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { connectionSettings, STATEMENT_TIMEOUT_MS } from './connection';
import { assureDurability } from './durability';
import { connectionFailure, endsSession, sqlState } from './failure';

/** How a statement ended that did not succeed. */
export class StatementFailure extends Error {
  constructor(
    /** `refused`: the server said no and rolled back. `lost`: it may or may not be committed. `undurable`: committed, but not safe. */
    readonly kind: 'refused' | 'lost' | 'undurable',
    /** SQLSTATE of a refusal. */
    readonly state: string | undefined,
    override readonly cause: unknown,
  ) {
    super(`statement ${kind}`);
  }
}

export interface SentStatement {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** One checked connection. Statements go over it one at a time; after a loss it is never used again. */
export class WriteConnection {
  #dead = false;
  #noticed: string | undefined;

  private constructor(
    private readonly client: pg.Client,
    private readonly clock: Clock,
  ) {
    client.on('end', () => (this.#dead = true));
    client.on('notice', (notice) => (this.#noticed = notice.message ?? 'a notice'));
  }

  /** Connects and checks (durability.ts). Throws E_DB_DOWN within about a second, or E_DB_UNSAFE. */
  static async open(url: string, shown: string, clock: Clock): Promise<WriteConnection> {
    const client = new pg.Client(connectionSettings(url, 'mandate lineage'));
    const connection = new WriteConnection(client, clock);
    client.on('error', () => (connection.#dead = true));
    try {
      await client.connect();
      await connection.#within(STATEMENT_TIMEOUT_MS, assureDurability(client));
      return connection;
    } catch (error) {
      connection.close();
      throw error instanceof StatementFailure
        ? new MandateError('E_DB_DOWN', { saw: shown, why: 'it accepted a connection and then did not answer' }, { cause: error.cause })
        : connectionFailure(error, shown);
    }
  }

  get usable(): boolean {
    return !this.#dead;
  }

  /** Sends one statement, which is one transaction. Throws StatementFailure; rejects as `lost` after the deadline. */
  async send<R extends pg.QueryResultRow>(statement: SentStatement): Promise<readonly R[]> {
    this.#noticed = undefined;
    let rows: readonly R[];
    try {
      const { values, ...text } = statement;
      const query = this.client.query<R>({ ...text, values: [...values] });
      rows = (await this.#within(STATEMENT_TIMEOUT_MS + 500, query)).rows;
    } catch (error) {
      if (error instanceof StatementFailure) throw error;
      const state = sqlState(error);
      if (state !== undefined && !endsSession(error)) throw new StatementFailure('refused', state, error);
      this.close();
      throw new StatementFailure('lost', state, error);
    }
    // Our statements cause no notices. PostgreSQL sends one where it stopped waiting for a standby: committed here, and only here.
    if (this.#noticed !== undefined) throw new StatementFailure('undurable', undefined, this.#noticed);
    return rows;
  }

  /** Ends the connection at once, whatever is under way. */
  close(): void {
    this.#dead = true;
    void this.client.end().catch(() => undefined);
  }

  async #within<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
    let cancel = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = this.clock.after(deadlineMs, () => {
        reject(new StatementFailure('lost', undefined, 'no answer in time'));
        this.close();
      });
    });
    work.catch(() => undefined); // it ends in its own time, after the deadline has been reported
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }
}
