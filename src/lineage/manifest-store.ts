import type { Manifest, ManifestKey, ManifestStatement, PrismaClient } from '../generated/prisma/client';
import { MandateError } from '../domain/errors';
import type { KeyForm, ManifestKind, ManifestRow, StatementRow, TrustedKey } from '../domain/manifest';
import type { ManifestStore } from '../domain/ports';
import type { Database } from './connection';
import { query } from './reading';

const LOCK = 7270736903n;
const MAX_MANIFESTS = 1000;

type Transaction = Pick<PrismaClient, '$executeRaw' | 'manifest' | 'manifestKey' | 'manifestStatement'>;

/** The ManifestStore on PostgreSQL: nothing is ever changed; the statement with the highest version is in force. */
export class PostgresManifestStore implements ManifestStore {
  constructor(private readonly database: Database) {}

  async read(statements: number, name?: string): Promise<readonly ManifestRow[]> {
    const rows = await query(this.database, (prisma) =>
      prisma.manifest.findMany({
        ...(name !== undefined && { where: { name } }),
        include: { keys: true, statements: { orderBy: { version: 'desc' }, take: statements } },
        orderBy: { name: 'asc' },
        take: MAX_MANIFESTS,
      }),
    );
    return rows.map(manifestRow);
  }

  add({ name, kind, keys, author, addedAtMs, statements }: ManifestRow, most: number): Promise<void> {
    return this.#inOrder(async (transaction) => {
      const names = await transaction.manifest.findMany({ select: { name: true }, take: most });
      if (names.some((row) => row.name === name)) throw new MandateError('E_MANIFEST_EXISTS', { saw: `manifest ${name}` });
      if (names.length >= most) throw new MandateError('E_MANIFEST_INVALID', { why: `there are ${most} manifests already` });
      await transaction.manifest.createMany({ data: { name, kind, author, addedAt: new Date(addedAtMs) } });
      await transaction.manifestKey.createMany({ data: keyData(name, keys) });
      await transaction.manifestStatement.createMany({ data: statements.map((statement) => statementData(name, statement)) });
    });
  }

  append(name: string, statement: StatementRow, keys: readonly TrustedKey[], follows: number): Promise<void> {
    return this.#inOrder(async (transaction) => {
      const newest = await transaction.manifestStatement.findFirst({
        where: { manifest: name },
        orderBy: { version: 'desc' },
        select: { version: true },
      });
      if (newest && newest.version >= statement.version)
        throw new MandateError('E_MANIFEST_ROLLBACK', { saw: `v${statement.version}`, why: `v${newest.version} is in force` });
      if (newest && newest.version !== follows)
        throw new MandateError('E_MANIFEST_ROLLBACK', { saw: `v${newest.version} came meanwhile`, fix: 'give the statement once more' });
      await transaction.manifestStatement.createMany({ data: statementData(name, statement) });
      await transaction.manifestKey.createMany({ data: keyData(name, keys) });
    });
  }

  /** One writer at a time, to the end of its transaction: what it read is still so when it writes. */
  #inOrder(work: (transaction: Transaction) => Promise<void>): Promise<void> {
    return query(this.database, (prisma) =>
      prisma.$transaction(async (transaction) => {
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`;
        await work(transaction);
      }),
    );
  }
}

const keyData = (manifest: string, keys: readonly TrustedKey[]) =>
  keys.map(({ fromVersion, form, bytes }) => ({ manifest, fromVersion, form, publicKey: Uint8Array.from(bytes) }));

const statementData = (manifest: string, { version, envelope, statementSha256, author, acceptedAtMs }: StatementRow) => ({
  manifest,
  version,
  envelope,
  statementSha256: Uint8Array.from(Buffer.from(statementSha256, 'hex')),
  author,
  acceptedAt: new Date(acceptedAtMs),
});

/** The CHECKs of the tables hold kind and form to what these types say. */
const manifestRow = (row: Manifest & { keys: ManifestKey[]; statements: ManifestStatement[] }): ManifestRow => ({
  name: row.name,
  kind: row.kind as ManifestKind,
  keys: row.keys.map(({ fromVersion, form, publicKey }) => ({ fromVersion, form: form as KeyForm, bytes: Buffer.from(publicKey) })),
  author: row.author,
  addedAtMs: row.addedAt.getTime(),
  statements: row.statements.map(({ version, envelope, statementSha256, author, acceptedAt }) => ({
    version,
    envelope,
    statementSha256: Buffer.from(statementSha256).toString('hex'),
    author,
    acceptedAtMs: acceptedAt.getTime(),
  })),
});
