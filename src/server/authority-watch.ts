import { createHash } from 'node:crypto';
import type { AuthorityConfig } from '../domain/authority-config';
import type { AuthorityOrder, AuthorityStanding } from '../domain/authority-life';
import type { Bundle } from '../domain/bundle';
import type { JwtPlan, X509Plan } from '../domain/issuance';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import type { AuthorityStore, Clock, Log } from '../domain/ports';
import type { EventData } from '../domain/event-data';
import type { ActiveAuthority, Frozen } from './configuration';
import type { EndpointAuthority } from './endpoint';
import type { Journal } from './journal';

/** Authorities are looked at this often; a look without anything due costs nothing. */
const LOOK_MS = { least: 1_000, most: 10_000 };
/** Looks in the shortest lifetime: a step is late by that little of it. */
const LOOKS = 60;

export const lookMs = ({ lifetimeSeconds: { x509, jwt } }: AuthorityConfig): number =>
  Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, (Math.min(x509, jwt) * 1000) / LOOKS));

const CHANGES = {
  'authority-prepared': 'prepared',
  'authority-activated': 'activated',
  'authority-retired': 'retired',
  'authority-tainted': 'tainted',
  'authority-revoked': 'revoked',
} as const;

/** A change of stage of one authority. */
export interface AuthorityStep {
  readonly kind: 'authority-prepared' | 'authority-activated' | 'authority-retired' | 'authority-tainted' | 'authority-revoked';
  readonly authority: AuthorityKind;
  readonly keyId: string;
}

/** What the event of an order says beside who gave it. */
export type OrderedData = Pick<EventData['authority-ordered'], 'order' | 'authorities' | 'keyId'>;

/** The authorities as the server uses them. */
export interface ServerAuthorities {
  x509(): ActiveAuthority<X509Plan> & EndpointAuthority;
  jwt(): ActiveAuthority<JwtPlan>;
  /** Undefined where none was asked for, or verifiers do not know it yet. */
  rs256(): ActiveAuthority<JwtPlan> | undefined;
  /** From the next tick on there is one, or none is made any more. */
  askForRs256(asked: boolean): void;
  bundle(): Bundle;
  soundX509(): readonly string[];
  standing(): readonly AuthorityStanding[];
  /** What opening them did. */
  readonly opening: readonly AuthorityStep[];
  tick(): Promise<readonly AuthorityStep[]>;
  /** `record` is called once the order is known to be possible, and before anything is done. */
  order(order: AuthorityOrder, record: () => Promise<void>): Promise<readonly AuthorityStep[]>;
  onChange(changed: () => void): () => void;
}

/** What requests sign with that are admitted from here on. */
export function signingNow(authorities: ServerAuthorities): Pick<Frozen, 'x509' | 'jwt' | 'rs256'> {
  const awaited = authorities.standing().find(({ row }) => row.kind === 'jwt-rs256' && row.stage === 'prepared');
  const rs256 = authorities.rs256() ?? { readyAtMs: awaited?.readyAtMs ?? null };
  return { x509: authorities.x509(), jwt: authorities.jwt(), rs256 };
}

export interface AuthorityWatchParts {
  readonly authorities: ServerAuthorities;
  readonly store: Pick<AuthorityStore, 'all'>;
  readonly journal: Journal;
  readonly lookMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: {
    authorityChanged(authority: AuthorityKind, change: 'prepared' | 'activated' | 'retired' | 'tainted' | 'revoked'): void;
  };
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
    if (!this.#closed) this.#cancel = this.parts.clock.after(this.parts.lookMs, () => void this.#look(also));
  }

  /** Rules ask for RS256, or do not any more: an authority that is missing is made now. Nobody waits for that, since it takes a while. */
  askForRs256(asked: boolean): void {
    this.parts.authorities.askForRs256(asked);
    void this.#tick(() => Promise.resolve());
  }

  async #look(also: () => Promise<void>): Promise<void> {
    await this.#tick(also);
    this.#next(also);
  }

  async #tick(also: () => Promise<void>): Promise<void> {
    try {
      await this.#record(await this.parts.authorities.tick());
      await also();
    } catch (error) {
      this.parts.log.error({ err: error }, 'authorities not looked at');
    }
  }

  /** Carries out an order and puts its steps on record; who ordered it is on record before. */
  async order(order: AuthorityOrder, record: (ordered: OrderedData) => Promise<void>): Promise<void> {
    const keyId = 'keyId' in order ? order.keyId : null;
    const { authorities, log } = this.parts;
    const kinds = () => authorities.standing().flatMap(({ row }) => (row.keyId === keyId ? [row.kind] : []));
    const ordered = { order: order.do, authorities: 'kinds' in order ? order.kinds : kinds(), keyId };
    try {
      await this.#record(await authorities.order(order, () => record(ordered)));
    } catch (error) {
      // Whether something was written may not be known: what follows from it must not wait for the next look.
      const again = authorities.tick().then((steps) => this.#record(steps));
      again.catch((thrown: unknown) => log.error({ err: thrown }, 'authorities not looked at'));
      throw error;
    }
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
