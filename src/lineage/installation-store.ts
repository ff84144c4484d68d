import type { Installation } from '../domain/lineage';
import type { InstallationStore } from '../domain/ports';
import type { Database } from './connection';
import { query } from './reading';

/** The InstallationStore on PostgreSQL: one row, whoever inserts it first. */
export class PostgresInstallationStore implements InstallationStore {
  constructor(private readonly database: Database) {}

  async read(): Promise<Installation | undefined> {
    const row = await query(this.database, (prisma) => prisma.installation.findFirst());
    return row ? { id: row.id, trustDomain: row.trustDomain, createdAtMs: row.createdAt.getTime() } : undefined;
  }

  async create({ id, trustDomain, createdAtMs }: Installation): Promise<Installation> {
    const data = { id, trustDomain, createdAt: new Date(createdAtMs) };
    await query(this.database, (prisma) => prisma.installation.createMany({ data, skipDuplicates: true }));
    // Of two first starts at once the first one counts for both.
    return (await this.read()) as Installation;
  }
}
