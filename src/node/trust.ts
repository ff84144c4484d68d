import { create, toBinary } from '@bufbuild/protobuf';
import type { BundleUpdate } from '../generated/proto/mandate/v1/node_link_pb';
import { JWTBundlesResponseSchema, X509BundlesResponseSchema } from '../generated/proto/spiffe/workloadapi_pb';

/** Public keys of one trust domain, as they are handed on. Either is empty where a foreign trust domain has none. */
export interface DomainKeys {
  /** Concatenated DER of every X.509 authority. */
  readonly x509: Buffer;
  /** JWK Set. */
  readonly jwks: Buffer;
}

/** What the node publishes locally: the keys of its own trust domain to everybody, those of a foreign one where a rule says so. */
export interface Trust extends DomainKeys {
  readonly trustDomain: string;
  /** By trust domain; never our own. */
  readonly foreign: ReadonlyMap<string, DomainKeys>;
}

/** Map keys of bundle messages are `spiffe://<trust domain>`, without a slash (SPIFFE Workload API). */
const mapKey = (trustDomain: string): string => `spiffe://${trustDomain}`;

export function trustOf(trustDomain: string, bundle: BundleUpdate): Trust {
  const foreign = bundle.foreign.filter((one) => one.trustDomain !== trustDomain);
  return {
    trustDomain,
    x509: Buffer.from(bundle.x509Authorities),
    jwks: Buffer.from(bundle.jwtBundle),
    foreign: new Map(foreign.map((one) => [one.trustDomain, { x509: Buffer.from(one.x509Authorities), jwks: Buffer.from(one.jwtBundle) }])),
  };
}

/**
 * Map of the foreign bundles that a process with these trust domains gets in one kind. A trust domain without keys of the kind is left out:
 * nothing of it verifies either way, and clients stumble over an empty value.
 */
export function foreignBundles(trust: Trust, federatesWith: readonly string[], kind: keyof DomainKeys): Record<string, Buffer> {
  const bundles: Record<string, Buffer> = {};
  for (const name of federatesWith) {
    const keys = trust.foreign.get(name)?.[kind];
    if (keys && keys.length > 0) bundles[mapKey(name)] = keys;
  }
  return bundles;
}

/** The present trust and everybody who wants to hear when it changes. */
export class TrustSource {
  #now: Trust | undefined;
  readonly #watchers = new Set<(changed: ReadonlySet<string>) => void>();
  /** Bundle messages of the present trust, encoded once for all who get the same. */
  readonly #responses = new Map<string, Buffer>();

  get now(): Trust | undefined {
    return this.#now;
  }

  set(trust: Trust): void {
    const changed = changedDomains(this.#now, trust);
    this.#now = trust;
    this.#responses.clear();
    if (changed.size > 0) for (const watcher of [...this.#watchers]) watcher(changed);
  }

  /** The whole message of FetchX509Bundles or FetchJWTBundles for a process with these foreign trust domains. */
  response(trust: Trust, federatesWith: readonly string[], kind: keyof DomainKeys): Buffer {
    const key = `${kind} ${federatesWith.join(' ')}`;
    const known = trust === this.#now ? this.#responses.get(key) : undefined;
    if (known) return known;
    const bundles = { ...foreignBundles(trust, federatesWith, kind), [mapKey(trust.trustDomain)]: trust[kind] };
    const response = Buffer.from(
      kind === 'x509'
        ? toBinary(X509BundlesResponseSchema, create(X509BundlesResponseSchema, { bundles }))
        : toBinary(JWTBundlesResponseSchema, create(JWTBundlesResponseSchema, { bundles })),
    );
    if (trust === this.#now) this.#responses.set(key, response);
    return response;
  }

  /** Calls `changed` after each change, with the names of the trust domains whose keys it changed; returns how to stop. */
  watch(changed: (domains: ReadonlySet<string>) => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
}

/** Trust domains that have other keys, that came, or that went. */
function changedDomains(before: Trust | undefined, now: Trust): ReadonlySet<string> {
  const changed = new Set<string>();
  if (!before || !sameKeys(before, now)) changed.add(now.trustDomain);
  for (const name of new Set([...(before?.foreign.keys() ?? []), ...now.foreign.keys()]))
    if (!sameKeys(before?.foreign.get(name), now.foreign.get(name))) changed.add(name);
  return changed;
}

const sameKeys = (a: DomainKeys | undefined, b: DomainKeys | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.x509.equals(b.x509) && a.jwks.equals(b.jwks));
