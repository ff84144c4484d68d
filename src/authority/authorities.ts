import type { KeyObject } from 'node:crypto';
import type { Bundle } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import { p256PointOf } from '../domain/p256';
import type { AuthorityStore, Clock, Log, Random } from '../domain/ports';
import type { JwtAuthority } from './jwt-authority';
import { openJwtAuthority } from './jwt-authority';
import type { KeyHome, KeyName } from './key-home';
import { makeAuthority } from './make-authority';
import type { AuthoritySettings, Step } from './schedule';
import { checkAuthoritySettings, isPublished, nextStep } from './schedule';
import type { X509Authority } from './x509-authority';
import { openX509Authority } from './x509-authority';

export interface AuthoritiesDeps {
  readonly trustDomain: string;
  readonly settings: AuthoritySettings;
  readonly store: AuthorityStore;
  readonly keys: KeyHome;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A change of stage, for the lineage. */
export interface AuthorityEvent {
  readonly kind: 'authority-prepared' | 'authority-activated' | 'authority-retired';
  readonly authority: AuthorityKind;
  readonly keyId: string;
  readonly atMs: number;
}

/** The signing keys of one server through their stages, and the bundle that follows from them. */
export interface Authorities {
  /** The one that signs now. A frozen value: hold it for one issuance, not longer. */
  x509(): X509Authority;
  jwt(): JwtAuthority;
  bundle(): Bundle;
  /**
   * Prepares, activates and retires what is due by the clock and says what it did. Without anything due it asks nobody. Calls at once
   * are put in an order. Throws what the store and the key home throw; what was in force stays in force, and the next call goes on.
   */
  tick(): Promise<readonly AuthorityEvent[]>;
  /** What the opening itself did. */
  readonly opening: readonly AuthorityEvent[];
  /** Calls `changed` after bundle or active authorities changed; the returned function ends that. */
  onChange(changed: () => void): () => void;
}

/**
 * Opens the authorities of an installation, making the first ones. Throws E_KEY_FILE where the key of an authority that is to sign is
 * missing or damaged: a new one is never made in its place, since its loss would pass unseen.
 */
export async function openAuthorities(deps: AuthoritiesDeps): Promise<Authorities> {
  checkAuthoritySettings(deps.settings);
  const lifecycle = new Lifecycle(deps);
  return lifecycle.open();
}

const KINDS = ['x509', 'jwt'] as const;

interface InForce {
  readonly x509: X509Authority;
  readonly jwt: JwtAuthority;
  readonly bundle: Bundle;
  /** Key ids in the bundle, in its order. */
  readonly published: readonly string[];
}

class Lifecycle implements Authorities {
  opening: readonly AuthorityEvent[] = [];
  /** Undefined: to be read again, because the outcome of a write is not known. */
  #rows: readonly AuthorityRow[] | undefined;
  #inForce: InForce | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** What a call did before it failed is told by the next one. */
  readonly #untold: AuthorityEvent[] = [];
  readonly #keys = new Map<string, KeyObject>();
  readonly #publishedAtMs = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  constructor(readonly deps: AuthoritiesDeps) {}

  async open(): Promise<Authorities> {
    const rows = await this.#read();
    for (const row of rows) if (row.stage !== 'retired') await this.#key(row);
    this.opening = await this.tick();
    await this.#tidyKeys();
    return this;
  }

  x509(): X509Authority {
    return this.#current().x509;
  }

  jwt(): JwtAuthority {
    return this.#current().jwt;
  }

  bundle(): Bundle {
    return this.#current().bundle;
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  tick(): Promise<readonly AuthorityEvent[]> {
    const turn = this.#queue.then(() => this.#turn());
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #turn(): Promise<readonly AuthorityEvent[]> {
    try {
      for (const kind of KINDS) {
        for (let step = await this.#due(kind); step; step = await this.#due(kind)) this.#untold.push(await this.#take(kind, step));
      }
      await this.#putInForce();
    } catch (error) {
      this.#rows = undefined;
      throw error;
    }
    return this.#untold.splice(0);
  }

  async #due(kind: AuthorityKind): Promise<Step | undefined> {
    const rows = (await this.#read()).filter((row) => row.kind === kind);
    return nextStep(rows, this.deps.clock.nowMs(), this.deps.settings.propagationMs, (keyId) => this.#publishedAtMs.get(keyId));
  }

  async #take(authority: AuthorityKind, step: Step): Promise<AuthorityEvent> {
    const atMs = this.deps.clock.nowMs();
    const event = step.do === 'prepare' ? await this.#prepare(authority, atMs) : await this.#move(authority, step, atMs);
    this.deps.log.info({ authority, keyId: event.keyId }, event.kind);
    return event;
  }

  /** The key rests in its home before anyone can learn of the authority: a crash in between leaves a key that nobody trusts. */
  async #prepare(authority: AuthorityKind, atMs: number): Promise<AuthorityEvent> {
    const { deps } = this;
    const { row, key } = await makeAuthority(authority, deps.trustDomain, atMs, deps.settings.lifetimeMs[authority], deps.random);
    await deps.keys.save({ kind: authority, keyId: row.keyId }, key);
    await deps.store.add(row);
    this.#keys.set(row.keyId, key);
    this.#rows = [...(this.#rows ?? []), row];
    return { kind: 'authority-prepared', authority, keyId: row.keyId, atMs };
  }

  async #move(authority: AuthorityKind, step: Exclude<Step, { do: 'prepare' }>, atMs: number): Promise<AuthorityEvent> {
    const { keyId } = step;
    const retire = step.do === 'retire';
    await this.deps.store.stage(keyId, retire ? 'retired' : 'active', atMs);
    const change = retire ? ({ stage: 'retired', retiredAtMs: atMs } as const) : ({ stage: 'active', activatedAtMs: atMs } as const);
    this.#rows = this.#rows?.map((row) => (row.keyId === keyId ? { ...row, ...change } : row));
    if (retire) await this.#forgetKey({ kind: authority, keyId });
    return { kind: retire ? 'authority-retired' : 'authority-activated', authority, keyId, atMs };
  }

  /** Replaces everything readers see at once, and only after its sequence number is durable. */
  async #putInForce(): Promise<void> {
    const { deps } = this;
    const nowMs = deps.clock.nowMs();
    const rows = (await this.#read()).filter((row) => isPublished(row, nowMs)).sort(publicationOrder);
    const published = rows.map((row) => row.keyId);
    const before = this.#inForce;
    const sameBundle = before !== undefined && before.published.join() === published.join();
    const [x509Row, jwtRow] = KINDS.map((kind) => activeOf(rows, kind));
    if (!x509Row || !jwtRow) throw new MandateError('E_INTERNAL', { saw: 'no active authority' });
    if (sameBundle && before.x509.keyId === x509Row.keyId && before.jwt.keyId === jwtRow.keyId) return;
    // The first number of a process is always a new one: a crash may have come between a change and its number.
    const bundle = sameBundle ? before.bundle : this.#bundle(rows, await deps.store.sequence(true));
    const x509 =
      before?.x509.keyId === x509Row.keyId ? before.x509 : openX509Authority(x509Row.public, await this.#key(x509Row), deps.trustDomain);
    const jwt = before?.jwt.keyId === jwtRow.keyId ? before.jwt : openJwtAuthority(jwtRow, await this.#key(jwtRow));
    this.#inForce = { x509, jwt, bundle, published };
    for (const keyId of published) if (!this.#publishedAtMs.has(keyId)) this.#publishedAtMs.set(keyId, nowMs);
    for (const changed of this.#listeners) changed();
  }

  #bundle(rows: readonly AuthorityRow[], sequence: number): Bundle {
    const jwt = rows.flatMap((row) => {
      const point = row.kind === 'jwt' ? p256PointOf(row.public) : undefined;
      return point ? [Object.freeze({ kid: row.keyId, point })] : [];
    });
    return Object.freeze({
      trustDomain: this.deps.trustDomain,
      sequence,
      refreshHintSeconds: this.deps.settings.refreshHintSeconds,
      x509: Object.freeze(rows.filter((row) => row.kind === 'x509').map((row) => row.public)),
      jwt: Object.freeze(jwt),
    });
  }

  #current(): InForce {
    if (!this.#inForce) throw new MandateError('E_STARTING', { saw: 'authorities that are not open yet' });
    return this.#inForce;
  }

  async #read(): Promise<readonly AuthorityRow[]> {
    return (this.#rows ??= await this.deps.store.all());
  }

  async #key(row: AuthorityRow): Promise<KeyObject> {
    const known = this.#keys.get(row.keyId) ?? (await this.deps.keys.load({ kind: row.kind, keyId: row.keyId }));
    this.#keys.set(row.keyId, known);
    return known;
  }

  /** A key that will not sign again is only a risk. Its file not going away is no reason to stop. */
  async #forgetKey(name: KeyName): Promise<void> {
    this.#keys.delete(name.keyId);
    try {
      await this.deps.keys.remove(name);
    } catch (error) {
      this.deps.log.warn({ error, ...name }, 'retired key not removed');
    }
  }

  /** Removes keys of retired authorities; keys without an authority stay, since an older database may have been restored. */
  async #tidyKeys(): Promise<void> {
    const rows = new Map((await this.#read()).map((row) => [row.keyId, row]));
    for (const name of await this.deps.keys.list()) {
      const row = rows.get(name.keyId);
      if (row?.stage === 'retired') await this.#forgetKey(name);
      if (!row) this.deps.log.warn({ ...name }, 'key without an authority');
    }
  }
}

const activeOf = (rows: readonly AuthorityRow[], kind: AuthorityKind): AuthorityRow | undefined =>
  rows.find((row) => row.kind === kind && row.stage === 'active');

/** By age, so that equal content is published in equal order. */
const publicationOrder = (a: AuthorityRow, b: AuthorityRow): number => a.preparedAtMs - b.preparedAtMs || (a.keyId < b.keyId ? -1 : 1);
