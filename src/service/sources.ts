import type { KeyObject } from 'node:crypto';
import type { Clock } from '../domain/ports';
import type { TrustBundle } from '../verify/trust-bundle';

/** What is verified with a bundle: its roots serve X509-SVIDs, its JWT keys JWT-SVIDs, and neither stands in for the other. */
export type Verifies = 'x509' | 'jwt';

/** Where verification gets its bundles from: a Workload API, or bundle endpoints. */
export interface BundleSource {
  /** The time by which everything that rests on this source is judged. */
  readonly clock: Clock;
  /** The bundle of one trust domain, now. Throws E_NOT_VERIFIED where there is none, and E_BUNDLE_STALE where it is older than allowed. */
  bundleOf(trustDomain: string, verifies: Verifies): TrustBundle;
  /** Milliseconds since the bundles were last known to be the newest; 0 while a stream that would bring a change is open. */
  stalenessMs(verifies: Verifies): number;
  /** Calls `changed` after each change; returns how to stop. */
  watch(changed: () => void): () => void;
  /** Follows nothing any more; from here on the source only grows older. */
  close(): void;
}

/** A source that also has an X509-SVID for this process itself. */
export interface IdentitySource extends BundleSource {
  /** The SVID to show to peers, now. Throws E_NO_RULE where this process has none, or where the last one has expired. */
  svid(): X509Identity;
}

/** An X509-SVID with its key. Replaced as a whole by each rotation, never changed. */
export interface X509Identity {
  readonly spiffeId: string;
  /** DER, leaf first, root left out. */
  readonly chain: readonly Buffer[];
  readonly key: KeyObject;
  readonly hint: string;
  readonly notAfterMs: number;
}
