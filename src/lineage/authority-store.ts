import { STAGES_BEFORE } from '../domain/authority-life';
import { MandateError } from '../domain/errors';
import type { AuthorityRow, AuthorityStage, LaterStage } from '../domain/authority-row';
import type { AuthorityStore } from '../domain/ports';
import type { Prisma } from '../generated/prisma/client';
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
      taintedAt: dateOrNull(row.taintedAtMs),
      revokedAt: dateOrNull(row.revokedAtMs),
      early: row.early,
    };
    await query(this.database, (prisma) => prisma.authority.createMany({ data }));
  }

  async stage(keyId: string, stage: LaterStage, atMs: number): Promise<void> {
    const data = { stage, [REACHED[stage]]: new Date(atMs) };
    await this.#change(keyId, STAGES_BEFORE[stage], data);
  }

  hasten(keyId: string): Promise<void> {
    return this.#change(keyId, ['prepared'], { early: true });
  }

  async #change(keyId: string, from: readonly AuthorityStage[], data: Prisma.AuthorityUpdateManyMutationInput): Promise<void> {
    const where = { keyId, stage: { in: [...from] } };
    const { count } = await query(this.database, (prisma) => prisma.authority.updateMany({ where, data }));
    if (count === 0) throw new MandateError('E_NOT_FOUND', { saw: `authority ${keyId} in stage ${from.join(' or ')}` });
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

/** The column that says when a stage was reached. */
const REACHED = {
  active: 'activatedAt',
  retired: 'retiredAt',
  tainted: 'taintedAt',
  revoked: 'revokedAt',
} as const satisfies Record<LaterStage, string>;

const dateOrNull = (atMs: number | null): Date | null => (atMs === null ? null : new Date(atMs));
