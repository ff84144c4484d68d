import { SIGNS } from '../domain/authority-life';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import type { AuthorityStore, Clock, Log, Random } from '../domain/ports';
import type { KeyRing } from './key-ring';
import { makeAuthority } from './make-authority';
import type { OrderedStep } from './orders';
import type { AuthoritySettings } from './schedule';

/** A change of stage, for the lineage. */
export interface AuthorityEvent {
  readonly kind: 'authority-prepared' | 'authority-activated' | 'authority-retired' | 'authority-tainted' | 'authority-revoked';
  readonly authority: AuthorityKind;
  readonly keyId: string;
  readonly atMs: number;
}

/** What a step that changes the stage of a row leaves behind. */
const STAGE_OF = {
  activate: { stage: 'active', at: 'activatedAtMs', event: 'authority-activated' },
  retire: { stage: 'retired', at: 'retiredAtMs', event: 'authority-retired' },
  taint: { stage: 'tainted', at: 'taintedAtMs', event: 'authority-tainted' },
  revoke: { stage: 'revoked', at: 'revokedAtMs', event: 'authority-revoked' },
} as const;

export interface AuthorityStepsDeps {
  readonly trustDomain: string;
  readonly settings: AuthoritySettings;
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Every authority there was, and how one goes from stage to stage: each step is durable before the next one begins. */
export class AuthoritySteps {
  /** Undefined: to be read again, because the outcome of a write is not known. */
  #rows: readonly AuthorityRow[] | undefined;
  /** What was done before a step failed is told together with what the next call does. */
  readonly #untold: AuthorityEvent[] = [];

  constructor(
    private readonly deps: AuthorityStepsDeps,
    private readonly keys: KeyRing,
    /** From here on this one signs nothing. */
    private readonly stop: (keyId: string) => void,
  ) {}

  async rows(): Promise<readonly AuthorityRow[]> {
    return (this.#rows ??= await this.deps.store.all());
  }

  forget(): void {
    this.#rows = undefined;
  }

  /** What was done since this was asked last. */
  told(): readonly AuthorityEvent[] {
    return this.#untold.splice(0);
  }

  /** Throws what the store and the key home throw. */
  async take({ kind, step, early = false }: OrderedStep): Promise<void> {
    const atMs = this.deps.clock.nowMs();
    if (step.do === 'hasten') return this.#hasten(step.keyId);
    const event =
      step.do === 'prepare' ? await this.#prepare(kind, early, atMs) : await this.#move(kind, step.keyId, STAGE_OF[step.do], atMs);
    this.deps.log.info({ authority: kind, keyId: event.keyId }, event.kind);
    this.#untold.push(event);
  }

  /** The key rests in its home before anyone can learn of the authority: a crash in between leaves a key that nobody trusts. */
  async #prepare(authority: AuthorityKind, early: boolean, atMs: number): Promise<AuthorityEvent> {
    const { deps } = this;
    const rows = await this.rows();
    const fresh = await this.keys.fresh(authority, rows);
    const lifetimeMs = deps.settings.lifetimeMs[SIGNS[authority]];
    const row = await makeAuthority(fresh, deps.trustDomain, atMs, lifetimeMs, deps.random, early);
    await deps.store.add(row);
    this.keys.used(fresh);
    this.#rows = [...rows, row];
    return { kind: 'authority-prepared', authority, keyId: row.keyId, atMs };
  }

  async #hasten(keyId: string): Promise<void> {
    await this.deps.store.hasten(keyId);
    this.#rows = this.#rows?.map((row) => (row.keyId === keyId ? { ...row, early: true } : row));
  }

  async #move(
    authority: AuthorityKind,
    keyId: string,
    { stage, at, event }: (typeof STAGE_OF)[keyof typeof STAGE_OF],
    atMs: number,
  ): Promise<AuthorityEvent> {
    await this.deps.store.stage(keyId, stage, atMs);
    this.#rows = this.#rows?.map((row) => (row.keyId === keyId ? { ...row, stage, [at]: atMs } : row));
    if (stage === 'tainted') this.stop(keyId);
    if (stage !== 'active') await this.keys.forget({ kind: authority, keyId });
    return { kind: event, authority, keyId, atMs };
  }
}
