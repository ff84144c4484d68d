import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import type { TrustBundle } from '../verify/trust-bundle';
import type { BundleSource, IdentitySource, Verifies, X509Identity } from './sources';

/** One's own identity and bundles, and beside them the bundles of partners. Nothing is merged: the first source that has a trust domain answers for it. */
export const joinSources = (own: IdentitySource, ...partners: readonly BundleSource[]): IdentitySource => new Joined(own, partners);

class Joined implements IdentitySource {
  constructor(
    private readonly own: IdentitySource,
    private readonly partners: readonly BundleSource[],
  ) {}

  get clock(): Clock {
    return this.own.clock;
  }

  svid(): X509Identity {
    return this.own.svid();
  }

  bundleOf(trustDomain: string, verifies: Verifies): TrustBundle {
    for (const source of [this.own, ...this.partners]) {
      try {
        return source.bundleOf(trustDomain, verifies);
      } catch (error) {
        // Stale is an answer; only who knows nothing of the trust domain is passed over.
        if (!(error instanceof MandateError) || error.code !== 'E_NOT_VERIFIED') throw error;
      }
    }
    throw new MandateError('E_NOT_VERIFIED', { why: 'no bundle of its trust domain' });
  }

  /** The oldest of them. */
  stalenessMs(verifies: Verifies): number {
    return Math.max(...[this.own, ...this.partners].map((source) => source.stalenessMs(verifies)));
  }

  watch(changed: () => void): () => void {
    const stops = [this.own, ...this.partners].map((source) => source.watch(changed));
    return () => stops.forEach((stop) => stop());
  }

  close(): void {
    for (const source of [this.own, ...this.partners]) source.close();
  }
}
