import { STAGES_BEFORE } from '../../src/domain/authority-life';
import type { AuthorityRow, LaterStage } from '../../src/domain/authority-row';
import type { AuthorityStore } from '../../src/domain/ports';

const REACHED = {
  active: 'activatedAtMs',
  retired: 'retiredAtMs',
  tainted: 'taintedAtMs',
  revoked: 'revokedAtMs',
} as const;

/** An AuthorityStore in memory that holds its callers to the contract and can fail on request, before or after it has written. */
export class FakeAuthorityStore implements AuthorityStore {
  rows: AuthorityRow[] = [];
  number = 0;
  calls = 0;
  /** The next write fails: `before` nothing is stored, `after` it is stored all the same. */
  failNext: 'before' | 'after' | undefined;

  async all(): Promise<readonly AuthorityRow[]> {
    this.calls++;
    return [...this.rows];
  }

  async add(row: AuthorityRow): Promise<void> {
    await this.#write(() => {
      if (this.rows.some((r) => r.keyId === row.keyId)) throw new Error('added twice');
      this.rows.push(row);
    });
  }

  async stage(keyId: string, stage: LaterStage, atMs: number): Promise<void> {
    await this.#write(() => {
      const row = this.rows.find((r) => r.keyId === keyId);
      if (!row || !STAGES_BEFORE[stage].includes(row.stage)) throw new Error('stages only go forward');
      this.#change(keyId, { stage, [REACHED[stage]]: atMs });
    });
  }

  async hasten(keyId: string): Promise<void> {
    await this.#write(() => this.#change(keyId, { early: true }));
  }

  #change(keyId: string, change: Partial<AuthorityRow>): void {
    this.rows = this.rows.map((r) => (r.keyId === keyId ? { ...r, ...change } : r));
  }

  async sequence(bump: boolean): Promise<number> {
    if (bump) await this.#write(() => void this.number++);
    return this.number;
  }

  async #write(change: () => void): Promise<void> {
    this.calls++;
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure === 'before') throw new Error('the store is gone');
    change();
    if (failure === 'after') throw new Error('the answer is lost');
  }
}
