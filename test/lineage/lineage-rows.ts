import { createHash } from 'node:crypto';
import { DOMAIN } from '../../src/domain/confinement';
import { newId } from '../../src/domain/ids';
import type {
  AgentRow,
  CredentialRow,
  DelegationRow,
  DeviceRow,
  EventRow,
  EvidenceRow,
  LaunchRow,
  PersonRow,
  ProcessRow,
} from '../../src/domain/lineage';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';

/** Rows as the server would write them; each has its own ids and can be changed by `over`. */

export const id = (): string => newId(systemRandom, systemClock.nowMs());
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
export const now = (): number => systemClock.nowMs();

export const device = (over: Partial<DeviceRow> = {}): DeviceRow => {
  const own = id();
  return {
    id: own,
    machineId: `machine-${own}`,
    hostname: 'ana-laptop',
    os: 'Debian 12',
    kernel: '6.18',
    assurance: 'declared',
    firstSeenAtMs: now(),
    ...over,
  };
};

export const person = (deviceId: string, over: Partial<PersonRow> = {}): PersonRow => ({
  id: id(),
  kind: 'os-account',
  name: 'ana',
  uid: 1000,
  deviceId,
  firstSeenAtMs: now(),
  ...over,
});

export const delegation = (agentId: string, personId: string | null, over: Partial<DelegationRow> = {}): DelegationRow => ({
  id: id(),
  parentId: null,
  agentId,
  personId,
  assurance: 'os-account',
  given: 'launched',
  startedAtMs: now(),
  endsAtMs: now() + 3_600_000,
  stopCode: null,
  stopReason: null,
  ...over,
});

export const agent = (deviceId: string, delegationId: string, over: Partial<AgentRow> = {}): AgentRow => ({
  id: id(),
  name: `hello-${systemRandom.bytes(3).toString('hex')}`,
  deviceId,
  delegationId,
  launchId: null,
  startedAtMs: now(),
  ...over,
});

export const launch = (agentId: string, deviceId: string, over: Partial<LaunchRow> = {}): LaunchRow => ({
  id: id(),
  agentId,
  deviceId,
  name: 'hello',
  task: 'say hello',
  programPath: '/usr/bin/python3',
  programSha256: sha('python3'),
  argumentCount: 2,
  processKey: `boot:${systemRandom.bytes(4).readUInt32BE()}`,
  uid: 1000,
  user: 'ana',
  ownUid: null,
  terminal: true,
  groupFrom: '/user.slice/session-3.scope',
  groupMissing: null,
  confinement: DOMAIN,
  measures: { script: { path: '/home/ana/agent.py', sha256: sha('agent.py') }, package: null, configuration: null },
  openedAtMs: now(),
  ...over,
});

export const evidence = (processKey: string, over: Partial<EvidenceRow> = {}): EvidenceRow => {
  const canonical = Buffer.from(JSON.stringify({ processKey, salt: systemRandom.bytes(16).toString('hex') }));
  return { digest: createHash('sha256').update(canonical).digest('hex'), canonical, processKey, seenAtMs: now(), ...over };
};

export const process_ = (deviceId: string, agentId: string, evidenceDigest: string, over: Partial<ProcessRow> = {}): ProcessRow => ({
  key: `boot:${systemRandom.bytes(6).toString('hex')}`,
  deviceId,
  agentId,
  launchId: null,
  viaProcessKey: null,
  membership: null,
  pid: 41207,
  uid: 1000,
  startTicks: '123456789',
  evidenceDigest,
  seenAtMs: now(),
  ...over,
});

export const credential = (over: Partial<CredentialRow> = {}): CredentialRow => ({
  serial: systemRandom.bytes(16).toString('hex'),
  kind: 'x509-svid',
  spiffeId: 'spiffe://test.mandate.internal/agent/ana',
  audience: [],
  issuedAtMs: now(),
  notBeforeMs: now() - 10_000,
  notAfterMs: now() + 900_000,
  authorityKeyId: 'ab'.repeat(20),
  publicKeySha256: sha('key'),
  processKey: null,
  agentId: null,
  delegationId: null,
  evidenceDigest: null,
  ruleName: 'launched',
  ruleVersion: 1,
  deviceId: null,
  record: Buffer.from('{"v":1}'),
  ...over,
});

export const event = (over: Partial<EventRow> = {}): EventRow => ({
  id: id(),
  kind: 'agent-started',
  atMs: now(),
  reference: null,
  code: null,
  agentId: null,
  processKey: null,
  record: Buffer.from('{"v":1}'),
  ...over,
});
