import type { DescMessage } from '@bufbuild/protobuf';
import { MandateError } from '../domain/errors';
import type { Clock, Random } from '../domain/ports';
import {
  JWTBundlesRequestSchema,
  type JWTBundlesResponse,
  X509BundlesRequestSchema,
  type X509BundlesResponse,
  X509SVIDRequestSchema,
  type X509SVIDResponse,
} from '../generated/proto/spiffe/workloadapi_pb';
import type { TrustBundle } from '../verify/trust-bundle';
import { awake } from './awake';
import { FollowedStream } from './followed-stream';
import { Freshness, MAX_STALENESS_MS } from './freshness';
import type { IdentitySource, Verifies, X509Identity } from './sources';
import { Watchers } from './watchers';
import { type StreamName, WorkloadClient } from './workload-client';
import { type Bundles, jwtBundlesOf, x509BundlesOf, x509StateOf } from './workload-messages';

const ANSWER_MS = 30_000;

/** What is followed: an X509-SVID for this process and the bundles beside it; X.509 bundles alone; JWT bundles. */
export type Follows = 'identity' | 'x509-bundles' | 'jwt-bundles';

export interface WorkloadSourceOptions {
  /** `unix:` or `tcp:` URI; SPIFFE_ENDPOINT_SOCKET where undefined. */
  readonly socket?: string;
  /** Identity and JWT bundles where undefined. */
  readonly follow?: readonly Follows[];
  /** Past it every SVID is refused; an hour where undefined. */
  readonly maxStalenessMs?: number;
  /** Picks among several identities; the first, which is the default one, where undefined. */
  readonly pick?: (identities: readonly X509Identity[]) => X509Identity | undefined;
  /** Told of everything that went wrong; `final` where it is not tried again. */
  readonly onProblem?: (problem: MandateError, final: boolean) => void;
  /** How long the first state, and each JWT-SVID, may take; 30 s where undefined. */
  readonly timeoutMs?: number;
}

export interface World {
  readonly clock: Clock;
  readonly random: Random;
}

/** Identity and bundles from a Workload API. Reconnects by itself; while nobody answers it keeps what it has, until that is too old. */
export class WorkloadSource implements IdentitySource {
  readonly clock: Clock;
  readonly #client: WorkloadClient;
  readonly #watchers = new Watchers();
  readonly #freshness: Readonly<Record<Verifies, Freshness>>;
  readonly #streams: { close(): void }[] = [];
  readonly #missing: Set<Follows>;
  #identities: readonly X509Identity[] = [];
  readonly #bundles: Record<Verifies, Bundles> = { x509: new Map(), jwt: new Map() };
  #lastProblem = new MandateError('E_TIMEOUT', { why: 'the Workload API did not answer' });
  #complete: () => void = () => undefined;
  #hopeless: () => void = () => undefined;

  private constructor(
    private readonly options: WorkloadSourceOptions,
    private readonly world: World,
  ) {
    const { maxStalenessMs = MAX_STALENESS_MS, socket = process.env['SPIFFE_ENDPOINT_SOCKET'] ?? '' } = options;
    this.clock = world.clock;
    this.#freshness = { x509: new Freshness(world.clock, maxStalenessMs), jwt: new Freshness(world.clock, maxStalenessMs) };
    this.#client = new WorkloadClient(socket, world.clock);
    this.#missing = new Set(options.follow ?? ['identity', 'jwt-bundles']);
  }

  /** A source that has everything it follows. Throws E_CONFIG, or the last problem there was where that took longer than `timeoutMs`. */
  static async open(options: WorkloadSourceOptions, world: World): Promise<WorkloadSource> {
    const source = new WorkloadSource(options, world);
    try {
      await awake(source.#start(options.timeoutMs ?? ANSWER_MS));
      return source;
    } catch (error) {
      source.close();
      throw error;
    }
  }

  svid(): X509Identity {
    const identity = (this.options.pick ?? (([first]) => first))(this.#identities);
    if (!identity) throw new MandateError('E_NO_RULE', { why: 'the Workload API gives this process no X509-SVID' });
    if (this.clock.nowMs() <= identity.notAfterMs) return identity;
    throw new MandateError('E_NO_RULE', { saw: identity.spiffeId, why: 'its X509-SVID has expired, and no new one came' });
  }

  bundleOf(trustDomain: string, verifies: Verifies): TrustBundle {
    const bundle = this.#bundles[verifies].get(trustDomain);
    if (!bundle) throw new MandateError('E_NOT_VERIFIED', { why: 'no bundle of its trust domain' });
    this.#freshness[verifies].check();
    return bundle;
  }

  stalenessMs(verifies: Verifies): number {
    return this.#freshness[verifies].stalenessMs;
  }

  /** A fresh JWT-SVID of this process for one audience, to be shown to that service and nobody else. Throws what the node refuses it with. */
  jwtSvid(audience: string): Promise<string> {
    return this.#client.jwtSvid(audience, this.options.timeoutMs ?? ANSWER_MS);
  }

  watch(changed: () => void): () => void {
    return this.#watchers.add(changed);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
    this.#client.close();
  }

  async #start(timeoutMs: number): Promise<void> {
    let cancel = (): void => undefined;
    const complete = new Promise<void>((resolve, reject) => {
      this.#complete = resolve;
      this.#hopeless = () => reject(this.#lastProblem);
      cancel = this.clock.after(timeoutMs, this.#hopeless);
    });
    for (const what of [...this.#missing]) this.#follow(what);
    await complete.finally(() => cancel());
  }

  #follow(what: Follows): void {
    switch (what) {
      case 'identity':
        return this.#stream<X509SVIDResponse>(what, 'x509', 'fetchX509SVID', X509SVIDRequestSchema, (message) => {
          const { identities, bundles } = message ? x509StateOf(message) : { identities: [], bundles: new Map<string, TrustBundle>() };
          this.#identities = identities;
          this.#bundles.x509 = bundles;
        });
      case 'x509-bundles':
        return this.#stream<X509BundlesResponse>(what, 'x509', 'fetchX509Bundles', X509BundlesRequestSchema, (message) => {
          this.#bundles.x509 = message ? x509BundlesOf(message) : new Map();
        });
      case 'jwt-bundles':
        return this.#stream<JWTBundlesResponse>(what, 'jwt', 'fetchJWTBundles', JWTBundlesRequestSchema, (message) => {
          this.#bundles.jwt = message ? jwtBundlesOf(message) : new Map();
        });
    }
  }

  /** `take` makes a message the whole state, or nothing where the process may have nothing any more; where it throws, nothing has changed. */
  #stream<M>(what: Follows, verifies: Verifies, name: StreamName, request: DescMessage, take: (message: M | undefined) => void): void {
    const stream = new FollowedStream<M>({
      ...this.world,
      freshness: this.#freshness[verifies],
      open: () => this.#client.stream<M>(name, request),
      accept: (message) => {
        take(message);
        this.#missing.delete(what);
        if (this.#missing.size === 0) this.#complete();
        this.#watchers.tell();
      },
      denied: () => {
        take(undefined);
        this.#watchers.tell();
      },
      problem: (error, final) => {
        this.#lastProblem = error;
        this.options.onProblem?.(error, final);
        if (final) this.#hopeless();
      },
    });
    this.#streams.push(stream);
  }
}
