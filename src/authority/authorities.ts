import { AUTHORITY_KINDS, type AuthorityOrder, type AuthorityStanding, keepsKey } from '../domain/authority-life';
import type { Bundle } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import type { AuthorityStore, Clock, Log, Random } from '../domain/ports';
import { isSignerFault } from '../domain/remote-signer';
import { bundleOf, contentOf, everySvidIsSigned, type InForce, openSigners, publicationOrder, soundX509 } from './in-force';
import type { JwtAuthority } from './jwt-authority';
import type { KeyHome } from './key-home';
import { KeyRing } from './key-ring';
import { type OrderedStep, type Present, stepsOf } from './orders';
import type { AuthoritySettings } from './schedule';
import { checkAuthoritySettings, isPublished, needOf, nextStep, readyAtMs, revocationAtMs } from './schedule';
import { type AuthorityEvent, AuthoritySteps } from './steps';
import type { X509Authority } from './x509-authority';

export interface AuthoritiesDeps {
  readonly trustDomain: string;
  readonly settings: AuthoritySettings;
  readonly store: AuthorityStore;
  readonly keys: KeyHome;
  /** Rules ask for RS256 as this begins; see `askForRs256`. */
  readonly rs256: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The signing keys of one server through their stages, and the bundle that follows from them. */
export interface Authorities {
  /** The one that signs now. A frozen value: hold it for one issuance, not longer. */
  x509(): X509Authority;
  jwt(): JwtAuthority;
  /** Undefined where none was asked for, or verifiers do not know it yet. */
  rs256(): JwtAuthority | undefined;
  bundle(): Bundle;
  /** Key ids of the X.509 authorities in the bundle that are not tainted: what others signed is to be replaced at once. */
  soundX509(): readonly string[];
  /** Every authority there was, oldest first, as it is known to be. */
  standing(): readonly AuthorityStanding[];
  /**
   * Prepares, activates, retires and revokes what is due by the clock and says what it did. Without anything due it asks nobody. Calls at once
   * are put in an order. Throws what the store and the key home throw; what was in force stays in force, and the next call goes on.
   */
  tick(): Promise<readonly AuthorityEvent[]>;
  /**
   * Carries out what an administrator orders, and what follows from it. `record` puts the order on record once it is known to be possible and
   * before anything is done. Throws what `stepsOf` throws, beside what `tick` does.
   */
  order(order: AuthorityOrder, record: () => Promise<void>): Promise<readonly AuthorityEvent[]>;
  /** From the next tick on there is an RS256 authority, or none is made any more: one that is there lives to its end. */
  askForRs256(asked: boolean): void;
  /** What the opening itself did. */
  readonly opening: readonly AuthorityEvent[];
  /** Calls `changed` after bundle or active authorities changed; the returned function ends that. */
  onChange(changed: () => void): () => void;
}

/**
 * Opens the authorities of an installation, making the first ones. Throws E_KEY_FILE where the key of an authority that is to sign is
 * missing or damaged, E_SIGNER_KEY where a signer does not have it: a new one is never made in its place, since its loss would pass unseen.
 */
export async function openAuthorities(deps: AuthoritiesDeps): Promise<Authorities> {
  checkAuthoritySettings(deps.settings);
  const lifecycle = new Lifecycle(deps);
  return lifecycle.open();
}

class Lifecycle implements Authorities {
  opening: readonly AuthorityEvent[] = [];
  #shown: readonly AuthorityRow[] = [];
  #inForce: InForce | undefined;
  #rs256: boolean;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #keys: KeyRing;
  readonly #steps: AuthoritySteps;
  readonly #publishedAtMs = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  constructor(readonly deps: AuthoritiesDeps) {
    this.#keys = new KeyRing(deps.keys, deps.log);
    this.#steps = new AuthoritySteps(deps, this.#keys, (keyId) => this.#stop(keyId));
    this.#rs256 = deps.rs256;
  }

  async open(): Promise<Authorities> {
    for (const row of await this.#steps.rows()) if (keepsKey(row)) await this.#keys.of(row);
    this.opening = await this.tick();
    await this.#keys.tidy(await this.#steps.rows());
    return this;
  }

  x509(): X509Authority {
    return this.#current().x509;
  }

  jwt(): JwtAuthority {
    return this.#current().jwt;
  }

  rs256(): JwtAuthority | undefined {
    return this.#current().rs256;
  }

  askForRs256(asked: boolean): void {
    this.#rs256 = asked;
  }

  bundle(): Bundle {
    return this.#current().bundle;
  }

  soundX509(): readonly string[] {
    return this.#current().soundX509;
  }

  standing(): readonly AuthorityStanding[] {
    const present = this.#present(this.#shown);
    const finite = (atMs: number) => (Number.isFinite(atMs) ? atMs : null);
    return this.#shown.map((row) => ({
      row,
      published: isPublished(row, present.nowMs),
      readyAtMs: row.stage === 'prepared' ? finite(readyAtMs(row, present)) : null,
      revocationAtMs: row.stage === 'tainted' ? finite(revocationAtMs(row, activeOf(this.#shown, row.kind), present)) : null,
    }));
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  tick(): Promise<readonly AuthorityEvent[]> {
    return this.#inTurn(() => Promise.resolve([]));
  }

  order(order: AuthorityOrder, record: () => Promise<void>): Promise<readonly AuthorityEvent[]> {
    return this.#inTurn(async () => {
      const steps = stepsOf(order, this.#present(await this.#steps.rows()));
      await record();
      return steps;
    });
  }

  #inTurn(first: () => Promise<readonly OrderedStep[]>): Promise<readonly AuthorityEvent[]> {
    const turn = this.#queue.then(() => this.#turn(first));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #turn(first: () => Promise<readonly OrderedStep[]>): Promise<readonly AuthorityEvent[]> {
    try {
      for (const step of await first()) await this.#steps.take(step);
      let fault: MandateError | undefined;
      for (const kind of AUTHORITY_KINDS) fault = (await this.#takeDue(kind)) ?? fault;
      await this.#putInForce(fault);
      await this.#keys.forgetLeft();
    } catch (error) {
      this.#steps.forget();
      throw error;
    }
    return this.#steps.told();
  }

  /** Returns why a signer made no successor: what is active signs on, whatever else is due is done, and the next call tries again. */
  async #takeDue(kind: AuthorityKind): Promise<MandateError | undefined> {
    try {
      for (let step = await this.#due(kind); step; step = await this.#due(kind)) await this.#steps.take(step);
      return undefined;
    } catch (error) {
      if (!isSignerFault(error)) throw error;
      this.deps.log.warn({ error, authority: kind }, 'successor of an authority not made yet');
      return error;
    }
  }

  #present(rows: readonly AuthorityRow[]): Present {
    const { clock, settings } = this.deps;
    const publishedAtMs = (keyId: string) => this.#publishedAtMs.get(keyId);
    const { propagationMs, refreshHintSeconds } = settings;
    return { rows, nowMs: clock.nowMs(), propagationMs, refreshHintMs: refreshHintSeconds * 1000, publishedAtMs };
  }

  async #due(kind: AuthorityKind): Promise<OrderedStep | undefined> {
    const present = this.#present(await this.#steps.rows());
    const ofKind = present.rows.filter((row) => row.kind === kind);
    const step = nextStep(ofKind, present.nowMs, present, needOf(kind, this.#rs256));
    return step && { kind, step };
  }

  /** Requests that were admitted before hold the authority: they must not sign with it either. */
  #stop(keyId: string): void {
    const { x509, jwt, rs256 } = this.#inForce ?? {};
    for (const authority of [x509, jwt, rs256]) if (authority?.keyId === keyId) authority.stop();
  }

  /** Replaces everything readers see at once, and only after its sequence number is durable. Throws `fault` where nothing is left that signs. */
  async #putInForce(fault: MandateError | undefined): Promise<void> {
    const { store, clock, trustDomain, settings } = this.deps;
    const nowMs = clock.nowMs();
    const all = await this.#steps.rows();
    const rows = all.filter((row) => isPublished(row, nowMs)).sort(publicationOrder);
    const content = contentOf(rows);
    const before = this.#inForce;
    const sameBundle = before?.content === content;
    this.#shown = all;
    if (fault && !everySvidIsSigned(rows)) throw fault;
    for (const { keyId, stage } of all) if (stage === 'tainted' || stage === 'revoked') this.#stop(keyId);
    const signers = await openSigners(rows, before, (row) => this.#keys.of(row), trustDomain);
    if (sameBundle && before.x509 === signers.x509 && before.jwt === signers.jwt && before.rs256 === signers.rs256) return;
    // The first number of a process is always a new one: a crash may have come between a change and its number.
    const bundle = sameBundle ? before.bundle : bundleOf(rows, trustDomain, await store.sequence(true), settings.refreshHintSeconds);
    this.#inForce = { ...signers, bundle, soundX509: soundX509(rows), content };
    for (const { keyId } of rows) if (!this.#publishedAtMs.has(keyId)) this.#publishedAtMs.set(keyId, nowMs);
    for (const changed of this.#listeners) changed();
  }

  #current(): InForce {
    if (!this.#inForce) throw new MandateError('E_STARTING', { saw: 'authorities that are not open yet' });
    return this.#inForce;
  }
}

const activeOf = (rows: readonly AuthorityRow[], wanted: AuthorityKind): AuthorityRow | undefined =>
  rows.find(({ kind, stage }) => kind === wanted && stage === 'active');
