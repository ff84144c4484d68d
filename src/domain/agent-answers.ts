import type { ErrorBody } from './answers';
import type { DelegatorAssurance, Given, ProcessAssurance } from './assurance';
import type { NoDomainReason } from './confinement';
import type { CredentialKind } from './lineage';
import type { LaunchMeasures } from './launch-measures';
import type { MembershipKind, ToldBy } from './membership';

/** The JSON documents of `mandate agents` and `who`; conventions as in answers.ts. */

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
    /** What the node measured beside the program before it ran. */
    readonly measures: LaunchMeasures;
    /** Declared by the launcher. */
    readonly confinement: 'domain' | 'none';
    readonly confinementReason: NoDomainReason | null;
    readonly user: string;
    /** The uid that belongs to this launch alone; null where it runs under its launcher's. */
    readonly ownUid: number | null;
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
