import { MandateError } from '../domain/errors';
import type { AuthorityRow, AuthorityStage } from '../domain/lineage';
import type { AuthorityStore } from '../domain/ports';
import type { Database } from './connection';
import { query } from './reading';
import { authorityRow } from './rows';

const MAX_AUTHORITIES = 1000;

/** The AuthorityStore on PostgreSQL: public halves only. */
export class PostgresAuthorityStore implements AuthorityStore {
  constructor(private readonly database: Database) {}

  async all(): Promise<readonly AuthorityRow[]> {
    const orderBy = [{ preparedAt: 'asc' as const }, { keyId: 'asc' as const }];
    const rows = await query(this.database, (prisma) => prisma.authority.findMany({ orderBy, take: MAX_AUTHORITIES }));
    return rows.map(authorityRow);
  }

  async add(row: AuthorityRow): Promise<void> {
    const data = {
      keyId: row.keyId,
      kind: row.kind,
      stage: row.stage,
      public: Uint8Array.from(row.public),
      notBefore: new Date(row.notBeforeMs),
      notAfter: new Date(row.notAfterMs),
      preparedAt: new Date(row.preparedAtMs),
      activatedAt: dateOrNull(row.activatedAtMs),
      retiredAt: dateOrNull(row.retiredAtMs),
    };
    await query(this.database, (prisma) => prisma.authority.createMany({ data }));
  }

  async stage(keyId: string, stage: AuthorityStage, atMs: number): Promise<void> {
    const at = new Date(atMs);
    const data = { stage, ...(stage === 'active' && { activatedAt: at }), ...(stage === 'retired' && { retiredAt: at }) };
    const { count } = await query(this.database, (prisma) => prisma.authority.updateMany({ where: { keyId }, data }));
    if (count === 0) throw new MandateError('E_NOT_FOUND', { saw: `authority ${keyId}` });
  }

  /**
   * One more than before, and never below the seconds since 1970 by the clock of the database: so it does not go back where an older
   * database was restored either. A clock that was set back changes nothing, since one more is the least.
   */
  async sequence(bump: boolean): Promise<number> {
    const rows = await query(this.database, (prisma) =>
      bump
        ? prisma.$queryRaw<{ sequence: bigint }[]>`
            UPDATE bundle_state SET sequence = greatest(sequence + 1, extract(epoch from clock_timestamp())::bigint) RETURNING sequence`
        : prisma.bundleState.findMany({ select: { sequence: true }, take: 1 }),
    );
    if (rows[0] === undefined) throw new MandateError('E_INTEGRITY', { saw: 'the sequence of the bundle is gone' });
    return Number(rows[0].sequence);
  }
}

const dateOrNull = (atMs: number | null): Date | null => (atMs === null ? null : new Date(atMs));
