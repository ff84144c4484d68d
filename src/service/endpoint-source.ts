import type { Agent } from 'node:https';
import { MandateError } from '../domain/errors';
import { DEFAULT_HINT_SECONDS } from '../domain/poll-schedule';
import type { Clock } from '../domain/ports';
import { parseSpiffeId, parseTrustDomain } from '../domain/spiffe-id';
import { isOlder, parseBundle, parseBundleDocument, type TrustBundle } from '../verify/trust-bundle';
import { allow } from './allow';
import { awake } from './awake';
import { jittered } from './backoff';
import { bundleUrlOf, fetchBundle, webAgent } from './bundle-fetch';
import { Freshness, MAX_STALENESS_MS } from './freshness';
import type { BundleSource, Verifies } from './sources';
import { httpsAgent } from './tls-client';
import { Watchers } from './watchers';
import type { World } from './workload-source';

/** Bounds of what an endpoint may ask for. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 3_600_000;

/** How the endpoint is authenticated; one never stands in for the other. */
export type EndpointProfile =
  | { readonly kind: 'https_web'; /** PEM; the public roots where undefined. */ readonly ca?: string | Buffer }
  | {
      readonly kind: 'https_spiffe';
      readonly endpointId: string;
      /** Bundle of the endpoint's own trust domain, as a document or PEM. Where it serves its own bundle, only the first fetch rests on this one. */
      readonly endpointBundle: Buffer;
    };

export interface EndpointSourceOptions {
  /** Whose bundle it is. No document says so, and it is never concluded from the URL. */
  readonly trustDomain: string;
  readonly url: string;
  readonly profile: EndpointProfile;
  /** Past it every SVID is refused; an hour where undefined. */
  readonly maxStalenessMs?: number;
  /** Told of each fetch that failed. */
  readonly onProblem?: (problem: MandateError) => void;
}

/** The bundle of one trust domain from its bundle endpoint, polled by its own hint. A failed fetch changes nothing but its age. */
export class EndpointSource implements BundleSource {
  readonly clock: Clock;
  readonly #url: URL;
  readonly #trustDomain: string;
  readonly #freshness: Freshness;
  readonly #watchers = new Watchers();
  readonly #endpointId: string | undefined;
  #endpointBundle: TrustBundle | undefined;
  #bundle: TrustBundle | undefined;
  #cancelPoll: () => void = () => undefined;
  #closed = false;

  private constructor(
    private readonly options: EndpointSourceOptions,
    private readonly world: World,
  ) {
    const { profile, maxStalenessMs = MAX_STALENESS_MS } = options;
    this.clock = world.clock;
    this.#url = bundleUrlOf(options.url);
    this.#trustDomain = parseTrustDomain(options.trustDomain);
    this.#freshness = new Freshness(world.clock, maxStalenessMs);
    if (profile.kind === 'https_web') return;
    const id = parseSpiffeId(profile.endpointId);
    if (id.path === '') throw new MandateError('E_CONFIG', { saw: profile.endpointId, why: 'an endpoint shows the SVID of a workload' });
    this.#endpointId = id.toString();
    this.#endpointBundle = parseBundle(profile.endpointBundle, id.trustDomain);
  }

  /**
   * A source after its first fetch, whether that succeeded or not: until one does, everything of the trust domain is refused as stale. Throws
   * E_CONFIG, E_REQUEST, E_NOT_VERIFIED for options that cannot be used.
   */
  static async open(options: EndpointSourceOptions, world: World): Promise<EndpointSource> {
    const source = new EndpointSource(options, world);
    await awake(source.#poll());
    return source;
  }

  bundleOf(trustDomain: string, _verifies: Verifies): TrustBundle {
    if (trustDomain !== this.#trustDomain) throw new MandateError('E_NOT_VERIFIED', { why: 'no bundle of its trust domain' });
    this.#freshness.check();
    if (!this.#bundle) throw new MandateError('E_BUNDLE_STALE', { saw: 'never fetched' });
    return this.#bundle;
  }

  stalenessMs(): number {
    return this.#freshness.stalenessMs;
  }

  watch(changed: () => void): () => void {
    return this.#watchers.add(changed);
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll();
  }

  async #poll(): Promise<void> {
    try {
      const bytes = await fetchBundle(this.#url, this.#agent(), this.clock);
      if (!this.#closed) this.#take(parseBundleDocument(bytes, this.#trustDomain));
    } catch (error) {
      this.options.onProblem?.(error instanceof MandateError ? error : new MandateError('E_INTERNAL', {}, { cause: error }));
    }
    if (this.#closed) return;
    // A failed fetch waits as long as any other: an endpoint in trouble is not helped by being asked more often.
    const hintMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (this.#bundle?.refreshHintSeconds ?? DEFAULT_HINT_SECONDS) * 1000));
    this.#cancelPoll = this.clock.after(jittered(hintMs, this.world.random), () => void this.#poll());
  }

  #take(fetched: TrustBundle): void {
    if (isOlder(fetched, this.#bundle)) {
      throw new MandateError('E_NOT_VERIFIED', { saw: 'a bundle document older than the one before', why: 'its sequence is lower' });
    }
    this.#bundle = fetched;
    this.#freshness.confirm();
    if (this.#endpointId !== undefined && parseSpiffeId(this.#endpointId).trustDomain === this.#trustDomain) {
      this.#endpointBundle = fetched;
    }
    if (fetched.ignored.length > 0) {
      const saw = fetched.ignored.slice(0, 5).join('; ').slice(0, 500);
      this.options.onProblem?.(new MandateError('E_NOT_VERIFIED', { saw, why: 'entries of the bundle document were ignored' }));
    }
    this.#watchers.tell();
  }

  /** A new agent for each fetch: a resumed session would skip the check of the endpoint. */
  #agent(): Agent {
    const { profile } = this.options;
    const bundle = this.#endpointBundle;
    if (profile.kind === 'https_web' || !bundle) return webAgent(profile.kind === 'https_web' ? profile.ca : undefined);
    return httpsAgent({ source: new FixedBundle(this.clock, bundle), server: allow({ id: profile.endpointId }), anonymous: true });
  }
}

/** One bundle that does not change, however old: it authenticates the endpoint that would bring a newer one. */
class FixedBundle implements BundleSource {
  constructor(
    readonly clock: Clock,
    private readonly bundle: TrustBundle,
  ) {}

  bundleOf(trustDomain: string): TrustBundle {
    if (trustDomain === this.bundle.trustDomain) return this.bundle;
    throw new MandateError('E_NOT_VERIFIED', { why: 'no bundle of its trust domain' });
  }

  stalenessMs(): number {
    return 0;
  }

  watch(): () => void {
    return () => undefined;
  }

  close(): void {
    // Nothing is followed.
  }
}
