import type { AuthorityKind, AuthorityRow, AuthorityStage } from './authority-row';
import { MAX_JWT_TTL_SECONDS, MAX_X509_TTL_SECONDS } from './rule';

export const AUTHORITY_KINDS = ['x509', 'jwt', 'jwt-rs256'] as const satisfies readonly AuthorityKind[];

/** What authorities of each kind sign. */
export const SIGNS: Readonly<Record<AuthorityKind, 'x509' | 'jwt'>> = { x509: 'x509', jwt: 'jwt', 'jwt-rs256': 'jwt' };

/** What an administrator may order of authorities (`mandate ca`). */
export const AUTHORITY_VERBS = ['prepare', 'activate', 'taint', 'revoke', 'rotate'] as const;
export type AuthorityVerb = (typeof AUTHORITY_VERBS)[number];

/** An order by an administrator: for authorities that are to be made, or for one that is there. */
export type AuthorityOrder =
  | { readonly do: 'prepare' | 'rotate'; readonly kinds: readonly AuthorityKind[] }
  | { readonly do: 'activate' | 'taint' | 'revoke'; readonly keyId: string };

/** The stages that each stage may follow. Nothing goes back, and what signs is tainted before it is revoked. */
export const STAGES_BEFORE: Readonly<Record<AuthorityStage, readonly AuthorityStage[]>> = {
  prepared: [],
  active: ['prepared'],
  retired: ['prepared', 'active'],
  tainted: ['prepared', 'active', 'retired'],
  revoked: ['prepared', 'retired', 'tainted'],
};

/** True while the authority may come to sign: only then is its private key kept. */
export const keepsKey = ({ stage }: AuthorityRow): boolean => stage === 'prepared' || stage === 'active';

/** Longest lifetime of each kind of SVID. */
const LONGEST_SIGNED_MS = { x509: MAX_X509_TTL_SECONDS * 1000, jwt: MAX_JWT_TTL_SECONDS * 1000 } as const;

/**
 * Until when something that the authority signed can still be valid, by the longest lifetime there is: the rules of that time may have been
 * others. Negative infinity where it never signed.
 */
export function lastUseMs(row: AuthorityRow): number {
  if (row.activatedAtMs === null) return Number.NEGATIVE_INFINITY;
  const stoppedAtMs = Math.min(row.retiredAtMs ?? Infinity, row.taintedAtMs ?? Infinity);
  return Math.min(row.notAfterMs, stoppedAtMs + LONGEST_SIGNED_MS[SIGNS[row.kind]]);
}

/** One authority as `ca show` tells of it. */
export interface AuthorityStanding {
  readonly row: AuthorityRow;
  readonly published: boolean;
  /** From when on it may take over; null where it is not prepared, or not known to be published yet. */
  readonly readyAtMs: number | null;
  /** When it is revoked by itself; null where it is not tainted, or nothing is known in its place yet. */
  readonly revocationAtMs: number | null;
}
