import type * as Stored from '../generated/prisma/client';
import type { DelegatorAssurance, DeviceAssurance, Given } from '../domain/assurance';
import type { MembershipKind } from '../domain/membership';
import { measuresOf } from '../domain/launch-measures';
import { confinementOf } from '../domain/confinement';
import type { AuthorityRow } from '../domain/authority-row';
import type {
  AgentRow,
  CredentialKind,
  CredentialRow,
  DelegationRow,
  DeviceRow,
  EndedKind,
  EndedRow,
  EvidenceRow,
  LaunchRow,
  PersonRow,
  ProcessRow,
} from '../domain/lineage';

/** Stored rows as the domain knows them. Words of closed sets were written by this program and are taken back as they are. */

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const hexOrNull = (bytes: Uint8Array | null): string | null => (bytes === null ? null : hex(bytes));
const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A serial as the outside knows it: 32 lower-case hex digits. */
export const serialOf = (stored: string): string => stored.replaceAll('-', '');

export const credentialRow = (row: Stored.Credential): CredentialRow & { readonly recordedAtMs: number } => ({
  serial: serialOf(row.serial),
  kind: row.kind as CredentialKind,
  spiffeId: row.spiffeId,
  audience: row.audience,
  issuedAtMs: row.issuedAt.getTime(),
  notBeforeMs: row.notBefore.getTime(),
  notAfterMs: row.notAfter.getTime(),
  recordedAtMs: row.recordedAt.getTime(),
  authorityKeyId: row.authorityKeyId,
  publicKeySha256: hexOrNull(row.publicKeySha256),
  processKey: row.processKey,
  agentId: row.agentId,
  delegationId: row.delegationId,
  evidenceDigest: hexOrNull(row.evidenceDigest),
  ruleName: row.ruleName,
  ruleVersion: row.ruleVersion,
  deviceId: row.deviceId,
  record: buffer(row.record),
});

export const evidenceRow = (row: Stored.Evidence): EvidenceRow => ({
  digest: hex(row.digest),
  canonical: buffer(row.canonical),
  processKey: row.processKey,
  seenAtMs: row.seenAt.getTime(),
});

export const processRow = (row: Stored.Process): ProcessRow => ({
  key: row.key,
  deviceId: row.deviceId,
  agentId: row.agentId,
  launchId: row.launchId,
  viaProcessKey: row.viaProcessKey,
  membership: row.membership as MembershipKind | null,
  pid: row.pid,
  uid: Number(row.uid),
  startTicks: row.startTicks,
  evidenceDigest: hex(row.evidenceDigest),
  seenAtMs: row.seenAt.getTime(),
});

export const agentRow = (row: Stored.Agent): AgentRow => ({
  id: row.id,
  name: row.name,
  deviceId: row.deviceId,
  delegationId: row.delegationId,
  launchId: row.launchId,
  startedAtMs: row.startedAt.getTime(),
});

export const launchRow = (row: Stored.Launch): LaunchRow => ({
  id: row.id,
  agentId: row.agentId,
  deviceId: row.deviceId,
  name: row.name,
  task: row.task,
  programPath: row.programPath,
  programSha256: hex(row.programSha256),
  argumentCount: row.argumentCount,
  processKey: row.processKey,
  uid: Number(row.uid),
  user: row.user,
  ownUid: row.ownUid === null ? null : Number(row.ownUid),
  terminal: row.terminal,
  groupFrom: row.groupFrom,
  groupMissing: row.groupMissing,
  confinement: confinementOf(row.confinement),
  measures: measuresOf(row.measures),
  openedAtMs: row.openedAt.getTime(),
});

export const delegationRow = (row: Stored.Delegation): DelegationRow => ({
  id: row.id,
  parentId: row.parentId,
  agentId: row.agentId,
  personId: row.personId,
  assurance: row.assurance as DelegatorAssurance,
  given: row.given as Given,
  startedAtMs: row.startedAt.getTime(),
  endsAtMs: row.endsAt.getTime(),
  stopCode: row.stopCode,
  stopReason: row.stopReason,
});

export const personRow = (row: Stored.Person): PersonRow => ({
  id: row.id,
  kind: row.kind as 'os-account',
  name: row.name,
  uid: Number(row.uid),
  deviceId: row.deviceId,
  firstSeenAtMs: row.firstSeenAt.getTime(),
});

export const deviceRow = (row: Stored.Device): DeviceRow => ({
  id: row.id,
  machineId: row.machineId,
  hostname: row.hostname,
  os: row.os,
  kernel: row.kernel,
  assurance: row.assurance as DeviceAssurance,
  firstSeenAtMs: row.firstSeenAt.getTime(),
});

export const endedRow = (row: Stored.Ended): EndedRow => ({
  kind: row.kind as EndedKind,
  id: row.id,
  atMs: row.at.getTime(),
  reason: row.reason,
});

export const authorityRow = (row: Stored.Authority): AuthorityRow => ({
  keyId: row.keyId,
  kind: row.kind as AuthorityRow['kind'],
  stage: row.stage as AuthorityRow['stage'],
  public: buffer(row.public),
  notBeforeMs: row.notBefore.getTime(),
  notAfterMs: row.notAfter.getTime(),
  preparedAtMs: row.preparedAt.getTime(),
  activatedAtMs: row.activatedAt?.getTime() ?? null,
  retiredAtMs: row.retiredAt?.getTime() ?? null,
  taintedAtMs: row.taintedAt?.getTime() ?? null,
  revokedAtMs: row.revokedAt?.getTime() ?? null,
  early: row.early,
});
