import { createHash } from 'node:crypto';
import type { Bundle } from '../domain/bundle';
import type { JwtPlan, X509Plan } from '../domain/issuance';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import type { AuthorityStore, Clock, Log } from '../domain/ports';
import type { ActiveAuthority } from './configuration';
import type { EndpointAuthority } from './endpoint';
import type { Journal } from './journal';

/** Authorities are looked at this often; a look without anything due costs nothing. */
const LOOK_MS = 10_000;

const CHANGES = {
  'authority-prepared': 'prepared',
  'authority-activated': 'activated',
  'authority-retired': 'retired',
} as const;

/** A change of stage of one authority. */
export interface AuthorityStep {
  readonly kind: 'authority-prepared' | 'authority-activated' | 'authority-retired';
  readonly authority: AuthorityKind;
  readonly keyId: string;
}

/** The authorities as the server uses them. */
export interface ServerAuthorities {
  x509(): ActiveAuthority<X509Plan> & EndpointAuthority;
  jwt(): ActiveAuthority<JwtPlan>;
  bundle(): Bundle;
  /** What opening them did. */
  readonly opening: readonly AuthorityStep[];
  tick(): Promise<readonly AuthorityStep[]>;
  onChange(changed: () => void): () => void;
}

export interface AuthorityWatchParts {
  readonly authorities: ServerAuthorities;
  readonly store: Pick<AuthorityStore, 'all'>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: { authorityChanged(authority: AuthorityKind, change: 'prepared' | 'activated' | 'retired'): void };
}

/** Lets authorities go through their stages by the clock, and puts each step on record. */
export class AuthorityWatch {
  #rows: readonly AuthorityRow[] = [];
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(private readonly parts: AuthorityWatchParts) {}

  get rows(): readonly AuthorityRow[] {
    return this.#rows;
  }

  /** Records what the opening did, then keeps looking; `also` runs after each look. */
  async start(also: () => Promise<void>): Promise<void> {
    this.#rows = await this.parts.store.all();
    await this.#record(this.parts.authorities.opening);
    this.#next(also);
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #next(also: () => Promise<void>): void {
    if (!this.#closed) this.#cancel = this.parts.clock.after(LOOK_MS, () => void this.#look(also));
  }

  async #look(also: () => Promise<void>): Promise<void> {
    try {
      await this.#record(await this.parts.authorities.tick());
      await also();
    } catch (error) {
      this.parts.log.error({ err: error }, 'authorities not looked at');
    }
    this.#next(also);
  }

  async #record(steps: readonly AuthorityStep[]): Promise<void> {
    if (steps.length === 0) return;
    const { journal, store } = this.parts;
    this.#rows = await store.all();
    for (const { kind, authority, keyId } of steps) {
      this.parts.metrics.authorityChanged(authority, CHANGES[kind]);
      const row = this.#rows.find((candidate) => candidate.keyId === keyId);
      if (kind !== 'authority-prepared') await journal.event(kind, { authority, keyId });
      else if (row) {
        const publicSha256 = createHash('sha256').update(row.public).digest('hex');
        await journal.event(kind, { authority, keyId, publicSha256, notBeforeMs: row.notBeforeMs, notAfterMs: row.notAfterMs });
      }
    }
  }
}
