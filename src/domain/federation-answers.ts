import type { ErrorCode } from './errors';
import type { FederationProfile } from './federation';

/** The JSON documents of `mandate federation …`: see answers.ts for what they share. */

export interface FederationAnswer {
  readonly trustDomain: string;
  readonly relationships: readonly FederationItem[];
}

/** `none`: nothing of it verifies yet. `given`: by an administrator, not fetched yet. `failing`: the last good one, since the last poll failed. */
export type FederationState = 'none' | 'given' | 'current' | 'failing';

export interface FederationItem {
  readonly trustDomain: string;
  readonly url: string;
  readonly profile: FederationProfile;
  readonly endpointId: string | null;
  /** Whether its endpoint is checked with authorities given for it, instead of the public ones. */
  readonly webCa: boolean;
  readonly state: FederationState;
  /** Decimal, since it has up to 64 bits; null where the bundle has none. */
  readonly sequence: string | null;
  readonly refreshHintSeconds: number | null;
  readonly x509Authorities: number;
  readonly jwtAuthorities: number;
  /** SHA-256 of the document in force; null where there is none. */
  readonly documentSha256: string | null;
  /** Entries of the document that are left out, and why. */
  readonly ignored: readonly string[];
  /** When the document in force was given or fetched. */
  readonly since: string | null;
  readonly asked: string | null;
  readonly next: string | null;
  /** Polls in a row that brought nothing, and why the last one did not. */
  readonly failures: number;
  readonly failure: { readonly code: ErrorCode; readonly why: string } | null;
  readonly added: string;
  readonly author: string;
  /** Rules in force that name it. */
  readonly rules: readonly string[];
}

export interface FederationRemovedAnswer {
  readonly trustDomain: string;
  readonly removed: true;
  readonly rules: readonly string[];
}

/** What `federation add` sends: what is left out is null. `bundle` is the text of a file. */
export interface FederationWish {
  readonly trustDomain: string;
  readonly url: string;
  readonly profile: string;
  readonly endpointId: string | null;
  readonly webCa: string | null;
  readonly bundle: string | null;
}
