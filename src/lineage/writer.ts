import type pg from 'pg';
import { MandateError, asMandateError } from '../domain/errors';
import type { LineageEntry } from '../domain/lineage';
import type { Clock, CommitMeter, LineageWriter, Log } from '../domain/ports';
import { databaseAddress } from './address';
import { GroupCommit, type Queued } from './group-commit';
import { LOOK_UP, statementOf } from './statements';
import { StatementFailure, WriteConnection } from './write-connection';

export interface WriterOptions {
  /** Of the server role. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter?: CommitMeter;
}

type Batch = readonly Queued<LineageEntry>[];

const LIMITS = { maxBatch: 200, maxBatchWeight: 4 * 1024 * 1024, maxQueued: 10_000, maxQueuedWeight: 64 * 1024 * 1024 };
/** How long a lost batch is looked for before its callers are told that nobody knows. */
const LOOK_UP_MS = 3000;
const LOOK_UP_EVERY_MS = 50;

/**
 * The LineageWriter on PostgreSQL: one connection, one statement under way, each statement one commit.
 *
 * A batch is sent once. Only where the server itself refused a row (SQLSTATE class 22 or 23), and so rolled everything back, are parts of
 * it sent again. Where the answer was lost, the facts are looked up on a new connection and never sent again.
 */
export class PostgresLineageWriter implements LineageWriter {
  readonly #queue = new GroupCommit<LineageEntry>((batch) => this.#flush(batch), LIMITS);
  readonly #shown: string;
  readonly #lookUps = new Set<Promise<void>>();
  #connection: WriteConnection | undefined;
  #closed = false;

  constructor(private readonly options: WriterOptions) {
    this.#shown = databaseAddress(options.url).shown;
  }

  /** Connects ahead of the first record, so that a database that is not fit is noticed now. Throws E_DB_DOWN, E_DB_UNSAFE. */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** Records that wait for a commit. */
  get queued(): number {
    return this.#queue.length;
  }

  append(entry: LineageEntry): Promise<void> {
    if (this.#closed) return Promise.reject(new MandateError('E_DB_DOWN', { why: 'the server is shutting down' }));
    return this.#queue.add(entry, weigh(entry));
  }

  /** Commits what is queued, settles what is lost, and ends the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.idle();
    await Promise.all(this.#lookUps);
    this.#connection?.close();
  }

  async #flush(batch: Batch): Promise<void> {
    try {
      await this.#write(batch);
    } catch (error) {
      // Not sent. What waits behind it would only wait for the same failure.
      const failure = asMandateError(error);
      for (const entry of batch) entry.reject(failure);
      this.#queue.failQueued(failure);
    }
  }

  /** Settles every entry of the batch; throws only where nothing of it was sent. */
  async #write(batch: Batch, partitionsMade = false): Promise<void> {
    const { clock, meter } = this.options;
    const connection = await this.#connect();
    const sentMs = clock.monotonicMs();
    try {
      await connection.send(
        statementOf(
          batch.map((entry) => entry.value),
          clock.nowMs(),
        ),
      );
      meter?.committed(clock.monotonicMs() - sentMs);
      for (const entry of batch) entry.resolve();
    } catch (error) {
      if (!(error instanceof StatementFailure)) throw error;
      meter?.failed();
      if (error.kind === 'lost') this.#lookUp(batch);
      else if (error.kind === 'undurable') rejectAll(batch, 'the database gave up waiting for its standby', error);
      else if (!partitionsMade && lacksPartition(error.cause) && (await this.#makePartitions(connection, batch)))
        await this.#write(batch, true);
      else if (batch.length > 1 && /^2[23]/.test(error.state ?? '')) await this.#split(batch, partitionsMade);
      else rejectAll(batch, `the database refused the record (${error.state})`, error.cause);
    }
  }

  /** One bad row must not fail its neighbours. */
  async #split(batch: Batch, partitionsMade: boolean): Promise<void> {
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      try {
        await this.#write(half, partitionsMade);
      } catch (error) {
        for (const entry of half) entry.reject(asMandateError(error));
      }
    }
  }

  async #connect(): Promise<WriteConnection> {
    if (this.#connection?.usable !== true) {
      this.#connection = undefined;
      this.#connection = await WriteConnection.open(this.options.url, this.#shown, this.options.clock);
    }
    return this.#connection;
  }

  /** True where the days of the batch now have their partitions. The clock may have moved further than maintenance looked ahead. */
  async #makePartitions(connection: WriteConnection, batch: Batch): Promise<boolean> {
    try {
      const days = new Set(batch.map(({ value }) => new Date(factOf(value).atMs).toISOString().slice(0, 10)));
      for (const day of days) await connection.send({ text: 'SELECT lineage_partitions($1::date, 1)', values: [day] });
      return true;
    } catch (error) {
      this.options.log.error({ err: error }, 'partitions could not be made');
      return false;
    }
  }

  /** Beside the queue, so that newcomers learn of an outage at once instead of waiting behind it. */
  #lookUp(batch: Batch): void {
    const search = this.#search(batch).finally(() => this.#lookUps.delete(search));
    this.#lookUps.add(search);
  }

  async #search(batch: Batch): Promise<void> {
    const { clock, log, url } = this.options;
    const deadline = clock.monotonicMs() + LOOK_UP_MS;
    for (;;) {
      let connection: WriteConnection | undefined;
      try {
        connection = await WriteConnection.open(url, this.#shown, clock);
        const found = await recorded(connection, batch);
        log.warn({ batch: batch.length, found: found.size }, 'commit answer lost, records looked up');
        for (const entry of batch) {
          if (found.has(factOf(entry.value).id)) entry.resolve();
          else rejectAll([entry], 'the answer to its commit was lost, and it is not in the database');
        }
        return;
      } catch (error) {
        if (clock.monotonicMs() >= deadline) {
          rejectAll(batch, 'the answer to its commit was lost, and the database cannot be asked', error);
          return;
        }
        await new Promise<void>((resolve) => clock.after(LOOK_UP_EVERY_MS, resolve));
      } finally {
        connection?.close();
      }
    }
  }
}

/** Ids of the batch's facts that are durably recorded. */
async function recorded(connection: WriteConnection, batch: Batch): Promise<ReadonlySet<string>> {
  const facts = batch.map(({ value }) => factOf(value));
  const keys = (kind: string) => JSON.stringify(facts.filter((fact) => fact.kind === kind).map(({ id, atMs }) => ({ id, at: atMs })));
  const rows = await connection.send<{ credentials: string; events: string } & pg.QueryResultRow>({
    text: LOOK_UP,
    values: [keys('credential'), keys('event')],
  });
  const ids = rows.flatMap((row) => [...(JSON.parse(row.credentials) as string[]), ...(JSON.parse(row.events) as string[])]);
  return new Set(ids.map(bareId));
}

function factOf({ fact }: LineageEntry): { kind: 'credential' | 'event'; id: string; atMs: number } {
  return 'credential' in fact
    ? { kind: 'credential', id: bareId(fact.credential.serial), atMs: fact.credential.issuedAtMs }
    : { kind: 'event', id: bareId(fact.event.id), atMs: fact.event.atMs };
}

const bareId = (id: string): string => id.replaceAll('-', '');

/** A missing partition is the one check violation without a constraint's name. */
function lacksPartition(thrown: unknown): boolean {
  const { code, constraint } = thrown as { code?: string; constraint?: string };
  return code === '23514' && constraint === undefined;
}

function rejectAll(batch: Batch, why: string, cause?: unknown): void {
  for (const entry of batch) entry.reject(new MandateError('E_LINEAGE_NOT_DURABLE', { why }, { cause }));
}

/** Bytes an entry takes in the statement, roughly. */
function weigh({ fact, evidence }: LineageEntry): number {
  const record = 'credential' in fact ? fact.credential.record : fact.event.record;
  return 1000 + 2 * (record.length + (evidence?.reduce((sum, row) => sum + row.canonical.length, 0) ?? 0));
}
