import { createHash } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { checkRelationship, endpointTrustDomain, type FederationRow, MAX_PARTNERS, type Relationship } from '../domain/federation';
import { newId } from '../domain/ids';
import type { Clock, FederationStore, Log, Random } from '../domain/ports';
import { type ForeignBundle, readForeignBundle } from '../verify/foreign-bundle';
import type { TrustBundle } from '../verify/trust-bundle';
import type { Journal } from './journal';
import { type Arrived, type Asked, Partner } from './partner';
import { authorOf } from './rules';

export interface FederationParts {
  readonly trustDomain: string;
  readonly store: FederationStore;
  readonly journal: Pick<Journal, 'event' | 'administered'>;
  /** Our own bundle: an endpoint of ours may serve that of a partner. */
  readonly own: () => TrustBundle;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What nodes are told of foreign trust domains is another thing now. */
  readonly changed: () => void;
}

/** The relationships of this installation to foreign trust domains. Each partner has a bundle, a clock and failures of its own. */
export class Federation {
  readonly #partners = new Map<string, Partner>();

  constructor(private readonly parts: FederationParts) {}

  /** By trust domain. */
  get partners(): readonly Partner[] {
    return [...this.#partners.values()].sort((a, b) => (a.row.trustDomain < b.row.trustDomain ? -1 : 1));
  }

  /** Every foreign bundle in force. */
  get bundles(): readonly ForeignBundle[] {
    return this.partners.flatMap(({ bundle }) => (bundle ? [bundle] : []));
  }

  /** Takes up what is on record; partners are asked from now on. */
  async start(): Promise<void> {
    for (const row of await this.parts.store.current()) this.#take(row).start();
  }

  close(): void {
    for (const partner of this.#partners.values()) partner.end();
  }

  /** Throws E_NOT_FOUND. */
  partner(trustDomain: string): Partner {
    const partner = this.#partners.get(trustDomain);
    if (!partner)
      throw new MandateError('E_NOT_FOUND', { saw: trustDomain.slice(0, 100), why: 'there is no relationship to this trust domain' });
    return partner;
  }

  /** Begins a relationship and asks its endpoint once; that it does not answer is no failure. Throws E_FEDERATION_INVALID, _EXISTS and _BUNDLE. */
  async add(wish: Relationship & { readonly bundle: Buffer | null }, asked: NonNullable<Asked>): Promise<Partner> {
    const { clock, random, store, trustDomain, changed } = this.parts;
    const { bundle: given, ...relationship } = wish;
    checkRelationship(relationship, trustDomain);
    if (this.#partners.has(wish.trustDomain)) throw new MandateError('E_FEDERATION_EXISTS', { saw: wish.trustDomain });
    const first = given && readForeignBundle(given, wish.trustDomain, 'pem');
    this.#assureProof(relationship, first);
    const addedAtMs = clock.nowMs();
    const document = given && { bytes: given, atMs: addedAtMs, fetched: false };
    const row: FederationRow = { ...relationship, id: newId(random, addedAtMs), author: authorOf(asked.caller), addedAtMs, document };
    await store.add(row, MAX_PARTNERS);
    const partner = this.#take(row);
    changed();
    await this.#recordAdded(row, asked);
    if (first && document) await this.#recordBundle(row, { bundle: first, document, rollback: false, asked });
    await partner.ask(asked);
    return partner;
  }

  /** Ends a relationship: its bundle is forgotten, and whoever had it is told. Throws E_NOT_FOUND. */
  async remove(trustDomain: string, asked: NonNullable<Asked>): Promise<void> {
    const { store, clock, changed } = this.parts;
    const partner = this.partner(trustDomain);
    if (!(await store.remove(partner.row.id, clock.nowMs()))) throw new MandateError('E_NOT_FOUND', { saw: trustDomain });
    partner.end();
    this.#partners.delete(trustDomain);
    changed();
    await this.parts.journal.event('federation-removed', this.#named(partner.row, asked), { processKey: asked.caller.key });
  }

  /** What authenticates endpoints of this trust domain. */
  #trustOf(trustDomain: string): TrustBundle | undefined {
    return trustDomain === this.parts.trustDomain ? this.parts.own() : this.#partners.get(trustDomain)?.bundle?.trust;
  }

  /** Something must authenticate the endpoint from the first time on: what it serves is no proof of who serves it. */
  #assureProof(relationship: Relationship, given: ForeignBundle | null): void {
    const needed = endpointTrustDomain(relationship);
    if (needed === undefined) return;
    const trust = needed === relationship.trustDomain ? given?.trust : this.#trustOf(needed);
    if (trust && trust.roots.length > 0) return;
    if (needed !== relationship.trustDomain)
      throw new MandateError('E_FEDERATION_INVALID', {
        why: `the endpoint is one of ${needed}, and there is no X.509 authority of it to check it with`,
        fix: `add ${needed} first`,
      });
    throw new MandateError('E_FEDERATION_INVALID', {
      why: given
        ? 'the bundle has no X.509 authority, so nothing could prove that the endpoint is that of the partner'
        : 'an endpoint of the partner itself is checked with a first bundle of the partner',
      fix: 'give --bundle with what the partner exported, and got to you by another way than this endpoint',
    });
  }

  #take(row: FederationRow): Partner {
    const { clock, random, log, store } = this.parts;
    const partner = new Partner(row, {
      clock,
      random,
      log,
      trustOf: (trustDomain) => this.#trustOf(trustDomain),
      keep: ({ row: { id } }, { document }) => store.replace(id, document),
      changed: async (_, arrived) => {
        this.parts.changed();
        await this.#recordBundle(row, arrived);
      },
    });
    this.#partners.set(row.trustDomain, partner);
    return partner;
  }

  #recordAdded(row: FederationRow, asked: NonNullable<Asked>): Promise<void> {
    const { url, profile, endpointId, webCa } = row;
    const webCaSha256 = webCa === null ? null : sha256(Buffer.from(webCa));
    const data = { ...this.#named(row, asked), url, profile, endpointId, webCaSha256 };
    return this.parts.journal.event('federation-added', data, { processKey: asked.caller.key });
  }

  #recordBundle(row: FederationRow, { bundle, document, rollback, asked }: Arrived): Promise<void> {
    const data = {
      ...this.#named(row, asked),
      documentSha256: sha256(document.bytes),
      sequence: bundle.sequence?.toString() ?? null,
      x509Authorities: bundle.trust.roots.length,
      jwtAuthorities: bundle.trust.jwtKeys.length,
      fetched: document.fetched,
      rollback,
    };
    return this.parts.journal.event('federation-bundle', data, { processKey: asked?.caller.key ?? null });
  }

  #named({ id, trustDomain }: FederationRow, asked: Asked) {
    const nobody = { deviceId: null, pid: null, uid: null, evidenceDigest: null, person: null };
    return { ...(asked ? this.parts.journal.administered(asked.caller, asked.standing) : nobody), federationId: id, trustDomain };
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
