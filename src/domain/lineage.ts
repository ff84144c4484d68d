import type { AuthorityRow } from './authority-row';
import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import type { LaunchMeasures } from './launch-measures';
import type { MembershipKind } from './membership';
import type { Confinement } from './confinement';

/** Rows of the lineage as the server writes them. Instants are milliseconds since the epoch; digests are lower-case hex. */

export interface EvidenceRow {
  readonly digest: string;
  readonly canonical: Buffer;
  readonly processKey: string;
  readonly seenAtMs: number;
}

export interface DeviceRow {
  readonly id: string;
  readonly machineId: string;
  readonly hostname: string;
  readonly os: string;
  readonly kernel: string;
  readonly assurance: DeviceAssurance;
  readonly firstSeenAtMs: number;
}

/** A human, or the account that stands for one, on one device. */
export interface PersonRow {
  readonly id: string;
  readonly kind: 'os-account';
  readonly name: string;
  readonly uid: number;
  readonly deviceId: string;
  readonly firstSeenAtMs: number;
}

export interface DelegationRow {
  readonly id: string;
  readonly parentId: string | null;
  readonly agentId: string;
  /** Null where the chain stops before a human; then `stopCode` and `stopReason` say why. */
  readonly personId: string | null;
  readonly assurance: DelegatorAssurance;
  readonly given: Given;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly stopCode: string | null;
  readonly stopReason: string | null;
}

export interface AgentRow {
  readonly id: string;
  /** For people: `<name>-<4 random>`. */
  readonly name: string;
  readonly deviceId: string;
  readonly delegationId: string;
  readonly launchId: string | null;
  readonly startedAtMs: number;
}

export interface LaunchRow {
  readonly id: string;
  readonly agentId: string;
  readonly deviceId: string;
  /** Declared by the launcher. */
  readonly name: string;
  readonly task: string;
  readonly programPath: string;
  readonly programSha256: string;
  readonly argumentCount: number;
  readonly processKey: string;
  /** Whoever launched it. */
  readonly uid: number;
  readonly user: string;
  /** The uid that the node gave to this launch alone; null where it runs under its launcher's. */
  readonly ownUid: number | null;
  readonly terminal: boolean;
  /** The control group (`0::` path) that the launcher was moved out of when the launch got one of its own; null where it got none. */
  readonly groupFrom: string | null;
  /** Why it got none. */
  readonly groupMissing: string | null;
  /** Declared by the launcher. */
  readonly confinement: Confinement;
  readonly measures: LaunchMeasures;
  readonly openedAtMs: number;
}

/** One pinned process of an agent, written when it is first known to belong to it. */
export interface ProcessRow {
  readonly key: string;
  readonly deviceId: string;
  readonly agentId: string;
  readonly launchId: string | null;
  /** The pinned ancestor that made it a member; null for the first. */
  readonly viaProcessKey: string | null;
  /** How it is known to belong to its launch; null outside launches. */
  readonly membership: MembershipKind | null;
  readonly pid: number;
  readonly uid: number;
  readonly startTicks: string;
  readonly evidenceDigest: string;
  readonly seenAtMs: number;
}

export type CredentialKind = 'x509-svid' | 'jwt-svid' | 'server-tls';

export interface CredentialRow {
  /** Serial number, or `jti`: 32 lower-case hex digits. */
  readonly serial: string;
  readonly kind: CredentialKind;
  readonly spiffeId: string;
  readonly audience: readonly string[];
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly authorityKeyId: string;
  /** SHA-256 of the SubjectPublicKeyInfo; null for a JWT-SVID. */
  readonly publicKeySha256: string | null;
  /** Null for what the server issues to itself. */
  readonly processKey: string | null;
  readonly agentId: string | null;
  readonly delegationId: string | null;
  readonly evidenceDigest: string | null;
  readonly ruleName: string | null;
  readonly ruleVersion: number | null;
  readonly deviceId: string | null;
  /** Canonical bytes of the record (docs/records.md); the columns above are a projection of them. */
  readonly record: Buffer;
}

export const EVENT_KINDS = [
  'installation-created',
  'authority-prepared',
  'authority-activated',
  'authority-retired',
  'authority-tainted',
  'authority-revoked',
  'authority-ordered',
  'device-seen',
  'launch-opened',
  'launch-joined',
  'agent-started',
  'process-seen',
  'launch-changed',
  'configuration-changed',
  'ended',
  'refused',
  'admin-refused',
  'rules-applied',
  'manifest-added',
  'manifest-updated',
  'federation-added',
  'federation-bundle',
  'federation-removed',
  'database-opened',
  'agent-stopped',
  'keys-sealed',
  'shutdown',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Everything worth recording that is not a credential. */
export interface EventRow {
  readonly id: string;
  readonly kind: EventKind;
  readonly atMs: number;
  /** Short reference a person can read out; refusals have one. */
  readonly reference: string | null;
  readonly code: string | null;
  readonly agentId: string | null;
  readonly processKey: string | null;
  readonly record: Buffer;
}

export type EndedKind = 'process' | 'launch' | 'agent' | 'delegation';

/** The end of something that had a beginning; inserted once, never changed. */
export interface EndedRow {
  readonly kind: EndedKind;
  readonly id: string;
  readonly atMs: number;
  readonly reason: string;
}

/**
 * What one decision adds to the lineage: rows it rests on, and exactly one fact (a credential or an event) whose key shows, after a
 * lost commit answer, whether all of it was committed.
 */
export interface LineageEntry {
  readonly fact: { readonly credential: CredentialRow } | { readonly event: EventRow };
  readonly devices?: readonly DeviceRow[];
  readonly persons?: readonly PersonRow[];
  readonly evidence?: readonly EvidenceRow[];
  readonly delegations?: readonly DelegationRow[];
  readonly agents?: readonly AgentRow[];
  readonly launches?: readonly LaunchRow[];
  readonly processes?: readonly ProcessRow[];
  readonly ended?: readonly EndedRow[];
}

/** Digests of what governed a process: at the first look, and after the last change; `changedAtMs` is when it changed first, null for never. */
export interface GovernedRow {
  readonly processKey: string;
  readonly first: string;
  readonly last: string;
  readonly changedAtMs: number | null;
}

/** Everything one credential rests on, as read back: input of the trace. */
export interface Chain {
  readonly credential: CredentialRow & { readonly recordedAtMs: number };
  readonly evidence: EvidenceRow | null;
  readonly process: ProcessRow | null;
  readonly agent: AgentRow | null;
  readonly launch: LaunchRow | null;
  /** From the agent's own delegation to its root. */
  readonly delegations: readonly DelegationRow[];
  readonly person: PersonRow | null;
  readonly device: DeviceRow | null;
  readonly authority: AuthorityRow | null;
  /** Of its process; null where nothing governs it. */
  readonly governed: GovernedRow | null;
  readonly ended: readonly EndedRow[];
}

/** One agent as `agents ls` shows it. */
export interface AgentSummary {
  readonly agent: AgentRow;
  readonly launch: LaunchRow | null;
  readonly delegation: DelegationRow;
  readonly person: PersonRow | null;
  readonly processes: readonly ProcessRow[];
  readonly latest: CredentialRow | null;
  readonly endedAtMs: number | null;
}

export interface Installation {
  readonly id: string;
  readonly trustDomain: string;
  readonly createdAtMs: number;
}
