import { asMandateError, type ErrorCode, MandateError } from '../domain/errors';
import { endpointTrustDomain, type FederationRow, type StoredDocument } from '../domain/federation';
import { fraction } from '../domain/fraction';
import { firstPollMs, pollDelayMs } from '../domain/poll-schedule';
import type { Clock, Log, Random } from '../domain/ports';
import { type ForeignBundle, readForeignBundle } from '../verify/foreign-bundle';
import { isOlder, type TrustBundle } from '../verify/trust-bundle';
import { type EndpointProof, fetchForeignBundle } from './foreign-endpoint';
import type { PinnedCaller, Standing } from './callers';

/** Timers stand still while the machine sleeps: the clocks are compared at least this often. */
const LONGEST_WAIT_MS = 60_000;

/** Why a poll brought nothing, as it is shown. */
export interface PollFailure {
  readonly code: ErrorCode;
  readonly why: string;
}

/** Who had an endpoint asked; null where the clock did. */
export type Asked = { readonly caller: PinnedCaller; readonly standing: Standing } | null;

/** A bundle that came from an endpoint. */
export interface Arrived {
  readonly document: StoredDocument;
  readonly bundle: ForeignBundle;
  /** It is older than the one it replaces, and an administrator said that it may. */
  readonly rollback: boolean;
  readonly asked: Asked;
}

export interface PartnerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The bundle that authenticates endpoints of this trust domain; undefined where there is none. */
  readonly trustOf: (trustDomain: string) => TrustBundle | undefined;
  /** Makes durable what arrived; false where the relationship has ended meanwhile, so that it counts for nothing. */
  readonly keep: (partner: Partner, arrived: Arrived) => Promise<boolean>;
  /** Another bundle is in force now. */
  readonly changed: (partner: Partner, arrived: Arrived) => Promise<void>;
}

/** One foreign trust domain: its bundle in force, and when its endpoint is asked next. It waits for no other partner, and none for it. */
export class Partner {
  bundle: ForeignBundle | undefined;
  document: StoredDocument | null;
  failure: PollFailure | undefined;
  /** Polls in a row that brought nothing. */
  failures = 0;
  /** When the endpoint was asked last, and when it is asked next; undefined before the first time. */
  askedAtMs: number | undefined;
  nextAtMs: number | undefined;
  #asking: Promise<void> | undefined;
  #cancel: () => void = () => undefined;
  #ended = false;

  constructor(
    readonly row: FederationRow,
    private readonly parts: PartnerParts,
  ) {
    this.document = row.document;
    try {
      if (row.document) this.bundle = readForeignBundle(row.document.bytes, row.trustDomain, row.document.fetched ? 'document' : 'pem');
    } catch (error) {
      // Another version may have accepted more: this partner has no bundle until it is asked, and nobody else is harmed.
      this.#failed(error);
    }
  }

  /** Asks by the clock from now on. */
  start(): void {
    this.#wait(firstPollMs(fraction(this.parts.random)));
  }

  /** The relationship is over: nothing that still arrives counts. */
  end(): void {
    this.#ended = true;
    this.#cancel();
  }

  /** Asks now, or takes part in what is under way. Never throws: how it went is in `failure`. */
  ask(asked: Asked = null): Promise<void> {
    this.#asking ??= this.#once(asked, false).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** As `ask`, and takes a bundle with a lower sequence number. */
  async askForAny(asked: Asked): Promise<void> {
    while (this.#asking) await this.#asking;
    this.#asking = this.#once(asked, true).finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  async #once(asked: Asked, rollback: boolean): Promise<void> {
    const { clock, log, keep, changed } = this.parts;
    const { trustDomain, url } = this.row;
    this.#cancel();
    this.askedAtMs = clock.nowMs();
    try {
      const bytes = await fetchForeignBundle(url, this.#proof(), clock);
      const bundle = readForeignBundle(bytes, trustDomain, 'document');
      const older = isOlder(bundle, this.bundle);
      if (older && !rollback) throw rolledBack(bundle, this.bundle);
      log.info({ trustDomain, url, sequence: bundle.sequence?.toString(), ignored: bundle.ignored.length }, 'bundle of a partner fetched');
      const arrived = { document: { bytes, atMs: clock.nowMs(), fetched: true }, bundle, rollback: older, asked };
      if (!this.#ended && !this.#holds(bundle) && (await keep(this, arrived))) {
        [this.bundle, this.document] = [bundle, arrived.document];
        if (!this.#ended) await changed(this, arrived);
      }
      [this.failure, this.failures] = [undefined, 0];
    } catch (error) {
      this.#failed(error);
      log.warn(
        { trustDomain, url, code: this.failure?.code, why: this.failure?.why, failures: this.failures },
        'bundle of a partner not fetched',
      );
    }
    this.#wait(pollDelayMs(this.bundle?.refreshHintSeconds, this.failures, fraction(this.parts.random)));
  }

  #proof(): EndpointProof {
    const { profile, webCa, endpointId } = this.row;
    if (profile === 'https_web') return { profile, ca: webCa };
    const trustDomain = endpointTrustDomain(this.row) ?? '';
    const trust = this.parts.trustOf(trustDomain);
    if (!trust) throw new MandateError('E_FEDERATION_ENDPOINT', { why: `there is no bundle of ${trustDomain} to check it with` });
    return { profile, id: endpointId ?? '', trust };
  }

  /** True where this is what is in force, and an endpoint said so. */
  #holds(bundle: ForeignBundle): boolean {
    return this.document?.fetched === true && this.bundle !== undefined && sameBundle(bundle, this.bundle);
  }

  #failed(error: unknown): void {
    const { code, message, explanation } = asMandateError(error);
    if (code === 'E_INTERNAL') this.parts.log.error({ err: error, trustDomain: this.row.trustDomain }, 'partner not asked');
    this.failure = { code, why: explanation.why ?? message };
    this.failures++;
  }

  #wait(delayMs: number): void {
    const { clock } = this.parts;
    this.#cancel();
    if (this.#ended) return;
    const dueMs = clock.monotonicMs() + delayMs;
    this.nextAtMs = clock.nowMs() + delayMs;
    const look = () => {
      const leftMs = Math.min(dueMs - clock.monotonicMs(), (this.nextAtMs ?? 0) - clock.nowMs());
      if (leftMs <= 0) void this.ask();
      else this.#cancel = clock.after(Math.min(leftMs, LONGEST_WAIT_MS), look);
    };
    this.#cancel = clock.after(Math.min(delayMs, LONGEST_WAIT_MS), look);
  }
}

const sameBundle = (a: ForeignBundle, b: ForeignBundle): boolean =>
  a.x509.equals(b.x509) && a.jwks.equals(b.jwks) && a.sequence === b.sequence && a.refreshHintSeconds === b.refreshHintSeconds;

const rolledBack = (bundle: ForeignBundle, before: ForeignBundle | undefined): MandateError =>
  new MandateError('E_FEDERATION_ROLLBACK', { why: `it has sequence number ${bundle.sequence}, the one in force ${before?.sequence}` });
