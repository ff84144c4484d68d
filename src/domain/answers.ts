import type { Check } from './doctor';
import type { DelegatorAssurance, DeviceAssurance, Given, ProcessAssurance } from './assurance';
import type { NoDomainReason } from './confinement';
import type { ErrorCode } from './errors';
import type { CredentialKind } from './lineage';
import type { MembershipKind, ToldBy } from './membership';
import type { MatchValue } from './rule';

/**
 * The JSON documents that `-o json` prints and the Admin service answers with: one contract (docs/schema), closed enums, null for
 * what is not known. Instants are RFC 3339 UTC, serials 32 lower-case hex digits.
 */

export interface StatusAnswer {
  readonly trustDomain: string;
  /** Value for SPIFFE_ENDPOINT_SOCKET. */
  readonly workloadApi: string;
  readonly bundleUrl: string;
  readonly healthUrl: string;
  readonly ready: boolean;
  /** Whether the issuer is out of reach for the caller's own processes. */
  readonly separated: boolean;
  readonly mode: 'installed' | 'own-user';
  readonly version: string;
  readonly installation: string;
  readonly parts: readonly StatusPart[];
  /** What a reader should know and cannot see above; one sentence each. */
  readonly notes: readonly string[];
}

export interface StatusPart {
  readonly name: 'server' | 'node' | 'database';
  readonly state: 'ready' | 'starting' | 'down';
  readonly pid: number | null;
  readonly uid: number | null;
  readonly detail: string;
}

export interface SvidAnswer {
  readonly svids: readonly X509SvidItem[];
}

export interface X509SvidItem {
  readonly spiffeId: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly hint: string;
}

export interface JwtSvidAnswer {
  readonly svids: readonly JwtSvidItem[];
}

export interface JwtSvidItem {
  readonly spiffeId: string;
  /** The `jti`. */
  readonly serial: string;
  readonly audience: readonly string[];
  readonly notAfter: string;
  readonly hint: string;
  readonly token: string;
}

export interface AgentItem {
  readonly id: string;
  readonly name: string;
  /** The human's account; null where the chain stops before one. */
  readonly human: string | null;
  readonly state: 'running' | 'ended';
  /** The rule of its latest SVID. */
  readonly rule: string | null;
  readonly spiffeId: string | null;
  readonly svidLeftSeconds: number | null;
  readonly pid: number | null;
  readonly processes: number;
  readonly started: string;
  readonly ended: string | null;
}

export interface AgentsAnswer {
  readonly agents: readonly AgentItem[];
  /** True where the list was cut. */
  readonly more: boolean;
}

export interface AgentAnswer {
  readonly agent: AgentItem;
  readonly launch: {
    readonly id: string;
    /** Declared by the launcher, as is the task. */
    readonly name: string;
    readonly task: string;
    readonly program: string;
    readonly programSha256: string;
    readonly argumentCount: number;
    readonly terminal: boolean;
    /** Declared by the launcher. */
    readonly confinement: 'domain' | 'none';
    readonly confinementReason: NoDomainReason | null;
    readonly user: string;
    /** By what its members are told from others. */
    readonly membership: ToldBy;
    /** Why it has no control group of its own; null where it has one, or where that was not recorded. */
    readonly groupMissing: string | null;
    readonly opened: string;
  } | null;
  readonly delegation: {
    readonly id: string;
    readonly delegator: { readonly kind: 'os-account'; readonly name: string; readonly uid: number } | null;
    readonly assurance: DelegatorAssurance;
    readonly given: Given;
    readonly started: string;
    readonly ends: string;
    readonly stop: { readonly code: string; readonly reason: string } | null;
  };
  readonly processes: readonly {
    readonly key: string;
    readonly pid: number;
    readonly uid: number;
    readonly seen: string;
    readonly via: string | null;
    /** How it is known to belong to its launch; null outside launches. */
    readonly membership: MembershipKind | null;
  }[];
  readonly latest: {
    readonly serial: string;
    readonly kind: CredentialKind;
    readonly spiffeId: string;
    readonly rule: string | null;
    readonly ruleVersion: number | null;
    readonly issued: string;
    readonly notAfter: string;
  } | null;
}

/** What `agents stop` ended, or with `stopped: false` what it would end. */
export interface StopAnswer {
  readonly agent: { readonly id: string; readonly name: string };
  /** `cgroup`: every process of the launch at once. `ancestry`: those that are pinned and what descends from them. */
  readonly by: ToldBy;
  readonly processes: number;
  readonly stopped: boolean;
  /** Processes that were still there when it was answered. */
  readonly left: number;
  /** When the last SVID that the agent was given expires; null where it has none that is valid. */
  readonly lastSvid: string | null;
}

export interface WhoAnswer {
  readonly pid: number;
  readonly processKey: string;
  readonly agent: { readonly id: string; readonly name: string } | null;
  readonly launch: string | null;
  readonly human: string | null;
  readonly facts: readonly FactItem[];
  readonly ancestors: readonly { readonly pid: number; readonly uid: number; readonly exe: string }[];
  readonly chainEnd: string;
  readonly gaps: readonly string[];
  /** What the rules in force would give this process now, the default identity first. */
  readonly identities: readonly { readonly spiffeId: string; readonly rule: string; readonly ruleVersion: number }[];
  /** Why it would get nothing. */
  readonly refusal: ErrorBody | null;
}

export interface FactItem {
  readonly selector: string;
  readonly value: string;
  readonly assurance: ProcessAssurance;
}

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

export interface BundleAnswer {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly refreshHintSeconds: number;
  readonly authorities: readonly {
    readonly kind: 'x509' | 'jwt';
    readonly keyId: string;
    readonly stage: 'prepared' | 'active' | 'retired';
    readonly notBefore: string;
    readonly notAfter: string;
  }[];
  /** X.509 authorities. */
  readonly pem: string;
  /** SPIFFE bundle document and JWK Set, as the bundle endpoint and the Workload API publish them. */
  readonly spiffe: Readonly<Record<string, unknown>>;
  readonly jwks: Readonly<Record<string, unknown>>;
}

export interface VerifyAnswer {
  readonly verified: true;
  readonly kind: 'x509-svid' | 'jwt-svid';
  readonly spiffeId: string;
  readonly serial: string | null;
  readonly notBefore: string | null;
  readonly notAfter: string;
  readonly audience: readonly string[];
  /** Where the bundle came from: a file name, or `service`. */
  readonly bundle: string;
}

export interface DatabaseStatusAnswer {
  readonly source: 'embedded' | 'external';
  readonly version: string;
  readonly migrations: readonly { readonly name: string; readonly applied: boolean }[];
  readonly pending: number;
}

export interface MigrateAnswer {
  readonly applied: readonly string[];
  readonly already: number;
}

export interface ConfigAnswer {
  /** Where the file is, or would be. */
  readonly file: string;
  readonly values: readonly {
    readonly key: string;
    readonly value: boolean;
    readonly source: 'default' | 'file';
    /** Line of the file that set it; null where the default holds. */
    readonly line: number | null;
  }[];
}

export interface DoctorAnswer {
  /** No check failed. */
  readonly healthy: boolean;
  readonly checks: readonly Check[];
}

export interface DownAnswer {
  readonly stopped: boolean;
  readonly wasRunning: boolean;
}

export interface UpAnswer {
  readonly ready: true;
  readonly trustDomain: string;
  readonly workloadApi: string;
  readonly bundleUrl: string;
  readonly separated: boolean;
  readonly readyMs: number;
}

export interface VersionAnswer {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
}

/** How one condition of the closest rule fared. `expected` is told to administrators only. */
export interface ConditionItem {
  readonly selector: string;
  readonly holds: boolean;
  readonly seen: string;
  readonly expected: readonly string[] | null;
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  /** The command that explains the code. */
  readonly help: string;
  readonly saw?: string;
  readonly why?: string;
  readonly fix?: string;
  /** Reference that finds a refusal in the records. */
  readonly request?: string;
  readonly rule?: string;
  readonly ruleVersion?: number;
  readonly conditions?: readonly ConditionItem[];
}

export interface ErrorAnswer {
  readonly error: ErrorBody;
}
