import type { FactItem } from './agent-answers';
import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import type { ErrorCode } from './errors';
import type { MatchValue } from './rule';

/** The JSON documents of `mandate rules`; conventions as in answers.ts. */

export interface RuleItem {
  readonly name: string;
  readonly version: number;
  readonly priority: number;
  readonly disabled: boolean;
  /** Alternatives of each selector: values, or the name of the manifest that lists them. */
  readonly match: Readonly<Record<string, MatchValue>>;
  readonly require: Readonly<Record<string, string | readonly string[]>>;
  readonly id: string;
  readonly hint: string;
  readonly x509TtlSeconds: number;
  readonly jwtTtlSeconds: number;
  readonly audiences: readonly string[];
  /** Those of them whose tokens are signed with RS256, or `*`. */
  readonly rs256: readonly string[];
  readonly contentSha256: string;
  readonly applied: string;
  readonly author: string;
}

export interface RulesAnswer {
  readonly generation: number;
  /** In order of precedence. */
  readonly rules: readonly RuleItem[];
}

export interface RuleAnswer {
  readonly rule: RuleItem;
  /** Newest first. */
  readonly versions: readonly {
    readonly version: number;
    readonly contentSha256: string;
    readonly applied: string;
    readonly author: string;
  }[];
}

/** Everything that decides what one process is given: for administrators. */
export interface ExplainAnswer {
  readonly pid: number;
  readonly processKey: string;
  readonly agent: { readonly id: string; readonly name: string } | null;
  readonly human: string | null;
  /** What `require` is compared with; `delegator` is null where the chain stops before a human. */
  readonly chain: { readonly delegator: DelegatorAssurance | null; readonly given: Given; readonly device: DeviceAssurance };
  /** Every selector; `source` is the attestor that stated it. */
  readonly facts: readonly (FactItem & { readonly source: string })[];
  readonly gaps: readonly string[];
  /** What the rules in force would give this process now, the default identity first. */
  readonly identities: readonly { readonly spiffeId: string; readonly rule: string; readonly ruleVersion: number }[];
  /** Why that is nothing. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string; readonly fix: string } | null;
  /** The closest rules, closest first. */
  readonly rules: readonly ExplainedRule[];
  /** Enabled rules that are further away. */
  readonly more: number;
}

export interface ExplainedRule {
  readonly name: string;
  readonly version: number;
  /** `withheld`: everything under `match` holds, and something else does not. */
  readonly outcome: 'issues' | 'withheld' | 'no-match';
  readonly spiffeId: string | null;
  readonly code: ErrorCode | null;
  readonly fix: string | null;
  readonly conditions: readonly {
    readonly selector: string;
    readonly holds: boolean;
    readonly seen: string;
    readonly expected: readonly string[];
    /** Why it does not hold, where the expected values say less. */
    readonly fault: string | null;
  }[];
}

export interface ApplyAnswer {
  readonly generation: number;
  readonly changes: readonly {
    readonly name: string;
    /** The version before; null for a new rule. */
    readonly from: number | null;
    readonly to: number;
  }[];
  readonly unchanged: readonly string[];
  readonly affected: readonly AffectedItem[];
}

/** A living process whose default identity is another one now; null means none. */
export interface AffectedItem {
  readonly pid: number;
  readonly agent: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

/** What `rules validate` found in files that are all valid; invalid ones are an error. */
export interface ValidateAnswer {
  readonly valid: true;
  readonly rules: readonly { readonly file: string; readonly name: string; readonly contentSha256: string; readonly tests: number }[];
}
