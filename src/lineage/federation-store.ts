import type { Federation } from '../generated/prisma/client';
import { MandateError } from '../domain/errors';
import type { FederationProfile, FederationRow, StoredDocument } from '../domain/federation';
import type { FederationStore } from '../domain/ports';
import type { Database } from './connection';
import { query } from './reading';

const LOCK = 7270736905n;
const MAX_ROWS = 1000;

/** The FederationStore on PostgreSQL: a relationship is never changed, only its bundle; what ended keeps its row and loses its bundle. */
export class PostgresFederationStore implements FederationStore {
  constructor(private readonly database: Database) {}

  async current(): Promise<readonly FederationRow[]> {
    const rows = await query(this.database, (prisma) =>
      prisma.federation.findMany({ where: { removedAt: null }, orderBy: { trustDomain: 'asc' }, take: MAX_ROWS }),
    );
    return rows.map(federationRow);
  }

  async add(row: FederationRow, most: number): Promise<void> {
    const { id, trustDomain, url, profile, endpointId, webCa, author, addedAtMs, document } = row;
    await query(this.database, (prisma) =>
      prisma.$transaction(async (transaction) => {
        // One writer at a time, to the end of its transaction: what it read is still so when it writes.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`;
        const present = await transaction.federation.findMany({ where: { removedAt: null }, select: { trustDomain: true }, take: most });
        if (present.some((other) => other.trustDomain === trustDomain)) throw new MandateError('E_FEDERATION_EXISTS', { saw: trustDomain });
        if (present.length >= most) throw new MandateError('E_FEDERATION_INVALID', { why: `there are ${most} relationships already` });
        const data = { id, trustDomain, url, profile, endpointId, webCa, author, addedAt: new Date(addedAtMs) };
        await transaction.federation.createMany({ data: { ...data, ...(document && documentData(document)) } });
      }),
    );
  }

  async replace(id: string, document: StoredDocument): Promise<boolean> {
    const { count } = await query(this.database, (prisma) =>
      prisma.federation.updateMany({ where: { id, removedAt: null }, data: documentData(document) }),
    );
    return count > 0;
  }

  async remove(id: string, atMs: number): Promise<boolean> {
    const data = { document: null, documentAt: null, removedAt: new Date(atMs) };
    const { count } = await query(this.database, (prisma) => prisma.federation.updateMany({ where: { id, removedAt: null }, data }));
    return count > 0;
  }
}

const documentData = ({ bytes, atMs, fetched }: StoredDocument) => ({
  document: Uint8Array.from(bytes),
  documentAt: new Date(atMs),
  fetched,
});

/** The CHECK of the table holds the profile to what its type says. */
const federationRow = (row: Federation): FederationRow => ({
  id: row.id,
  trustDomain: row.trustDomain,
  url: row.url,
  profile: row.profile as FederationProfile,
  endpointId: row.endpointId,
  webCa: row.webCa,
  author: row.author,
  addedAtMs: row.addedAt.getTime(),
  document:
    row.document && row.documentAt ? { bytes: Buffer.from(row.document), atMs: row.documentAt.getTime(), fetched: row.fetched } : null,
});
