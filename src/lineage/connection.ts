import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { MandateError } from '../domain/errors';
import { PrismaClient } from '../generated/prisma/client';
import { databaseAddress } from './address';
import { assureDurability } from './durability';
import { connectionFailure } from './failure';

/** How long a connection attempt may take before the database counts as down. */
export const CONNECT_TIMEOUT_MS = 1000;
/** A statement of ours that takes longer is stuck. The server ends it by itself. */
export const STATEMENT_TIMEOUT_MS = 5000;

/**
 * Settings of every connection of ours. UTC is correctness: the adapter writes instants without an offset. What a durable commit needs is
 * set and checked afterwards (durability.ts), because only then is it known what there is to raise.
 */
export function connectionSettings(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: databaseAddress(url).url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: applicationName,
    keepAlive: true,
    options: `-c timezone=UTC -c search_path=public -c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
  };
}

/** The database for everything but the hot inserts: typed reads, rules, authorities. */
export interface Database {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /** The database without role and password, for messages. */
  readonly shown: string;
  /** Why the newest connection was not fit for use. */
  refusal(): MandateError | undefined;
  close(): Promise<void>;
}

/**
 * Opens a small pool; connections are made when they are needed, and each is checked before its first use, so a database that was
 * replaced or reconfigured behind us is noticed. A database that is down fails each call until it is back.
 */
export function openDatabase(url: string, maxConnections = 6): Database {
  const { shown } = databaseAddress(url);
  let refusal: MandateError | undefined;
  const pool = new pg.Pool({
    ...connectionSettings(url, 'mandate'),
    max: maxConnections,
    idleTimeoutMillis: 60_000,
    query_timeout: STATEMENT_TIMEOUT_MS + 1000, // where the network swallows the answer
    verify: (client, done) => {
      assureDurability(client).then(
        () => done(),
        (error: unknown) => done((refusal = connectionFailure(error, shown))),
      );
    },
  });
  pool.on('error', () => undefined); // an idle connection was lost; the next call makes another
  const adapter = new PrismaPg(pool, {
    // Named statements are planned once per connection; a name must mean one text.
    statementNameGenerator: ({ sql }) => `q${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`,
  });
  const prisma = new PrismaClient({ adapter, transactionOptions: { maxWait: 2000, timeout: 5000 } });
  // Prisma ends the pool only if it has used it.
  const close = async () => {
    await prisma.$disconnect();
    await pool.end();
  };
  return { prisma, pool, shown, refusal: () => refusal, close };
}
