import { create, toBinary } from '@bufbuild/protobuf';
import type { BundleUpdate } from '../generated/proto/mandate/v1/node_link_pb';
import { JWTBundlesResponseSchema, X509BundlesResponseSchema } from '../generated/proto/spiffe/workloadapi_pb';

/** What the node publishes locally of the trust domain: encoded once per change, sent to every stream as it is. */
export interface Trust {
  readonly trustDomain: string;
  /** Concatenated DER of every X.509 authority. */
  readonly x509: Buffer;
  /** JWK Set. */
  readonly jwks: Buffer;
  readonly x509Response: Buffer;
  readonly jwtResponse: Buffer;
}

/** Map keys of bundle responses are `spiffe://<trust domain>`, without a slash (SPIFFE Workload API). */
export function trustOf(trustDomain: string, bundle: BundleUpdate): Trust {
  const key = `spiffe://${trustDomain}`;
  const x509 = Buffer.from(bundle.x509Authorities);
  const jwks = Buffer.from(bundle.jwtBundle);
  return {
    trustDomain,
    x509,
    jwks,
    x509Response: Buffer.from(toBinary(X509BundlesResponseSchema, create(X509BundlesResponseSchema, { bundles: { [key]: x509 } }))),
    jwtResponse: Buffer.from(toBinary(JWTBundlesResponseSchema, create(JWTBundlesResponseSchema, { bundles: { [key]: jwks } }))),
  };
}

/** The present trust and everybody who wants to hear when it changes. */
export class TrustSource {
  #now: Trust | undefined;
  readonly #watchers = new Set<() => void>();

  get now(): Trust | undefined {
    return this.#now;
  }

  set(trust: Trust): void {
    const before = this.#now;
    this.#now = trust;
    if (before?.x509.equals(trust.x509) === true && before.jwks.equals(trust.jwks)) return;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `changed` after each change; returns how to stop. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
}
