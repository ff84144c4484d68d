import type { DelegatorAssurance, DeviceAssurance, Given, ProcessAssurance } from './assurance';

/** Hashes by the name of the manifest that lists them (docs/manifests.md): which they are is looked up when a process is matched. */
export type ManifestMatch = {
  readonly manifest: string;
  /** How long a hash still counts that the newest statement leaves out. */
  readonly graceSeconds: number;
};

/** Alternatives of one selector type: exact values, or the hashes of a manifest. */
export type MatchValue = readonly string[] | ManifestMatch;

export const isManifestMatch = (value: MatchValue): value is ManifestMatch => 'manifest' in value;

/** What may be required of the connections that a process asks on. */
export const CONNECTION = ['sole'] as const;
export type ConnectionWord = (typeof CONNECTION)[number];

/** A registration rule as it is matched: parsed, bounded, defaults filled in (docs/rules.md). */
export interface Rule {
  readonly name: string;
  /** Higher first; equal priorities are ordered by name. */
  readonly priority: number;
  readonly disabled: boolean;
  /** Every selector type must hold; the values of one type are alternatives. */
  readonly match: Readonly<Record<string, MatchValue>>;
  readonly require: {
    readonly process?: ProcessAssurance;
    readonly delegator?: DelegatorAssurance;
    readonly device?: DeviceAssurance;
    readonly given?: readonly Given[];
    /** The process alone holds its connections. Looked at only where a rule asks for it. */
    readonly connection?: ConnectionWord;
  };
  readonly issue: {
    /** Path template, e.g. `/agent/{user}`. */
    readonly id: string;
    readonly hint: string;
    readonly x509TtlSeconds: number;
    readonly jwtTtlSeconds: number;
    /** Exact audiences; `*` alone means any; empty means no JWT-SVID. */
    readonly audiences: readonly string[];
    /** Those of them whose tokens are signed with RS256; `*` alone means all; absent where there is none. */
    readonly rs256?: readonly string[];
    /** Foreign trust domains whose SVIDs the process may check; absent where there is none. */
    readonly federatesWith?: readonly string[];
  };
}

/** One applied version of a rule. Versions are never changed, only followed by others. */
export interface RuleVersion {
  readonly rule: Rule;
  readonly version: number;
  /** SHA-256 of the canonical content, lower-case hex. */
  readonly contentSha256: string;
  readonly appliedAtMs: number;
  /** Who applied it: account and process, as recorded. */
  readonly author: string;
}

/** All rules in force at one moment, in order of precedence. The generation changes with every applied change. */
export interface RuleSet {
  readonly generation: number;
  readonly rules: readonly RuleVersion[];
}

/** True where a rule in force has tokens signed with RS256. */
export const rulesAskForRs256 = (rules: readonly { readonly rule: Rule }[]): boolean =>
  rules.some(({ rule }) => !rule.disabled && rule.issue.rs256 !== undefined);

/** Bounds of lifetimes in seconds; an authority lives at least six times the longest. */
export const MIN_TTL_SECONDS = 1;
export const MAX_X509_TTL_SECONDS = 24 * 3600;
export const MAX_JWT_TTL_SECONDS = 3600;
export const DEFAULT_X509_TTL_SECONDS = 15 * 60;
export const DEFAULT_JWT_TTL_SECONDS = 5 * 60;
