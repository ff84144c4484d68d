import type { DeviceRow, EvidenceRow, LineageEntry, ProcessRow } from '../domain/lineage';
import { type LiveAgent, type LiveProcess, membershipIn } from './living';

/** Rows a fact about this process rests on that are not committed yet. */
export function owed(process: LiveProcess, agent: LiveAgent | undefined, device: DeviceRow, nowMs: number): Omit<LineageEntry, 'fact'> {
  const evidence: EvidenceRow[] =
    process.durableEvidence === process.digest
      ? []
      : [{ digest: process.digest, canonical: process.canonical, processKey: process.key, seenAtMs: nowMs }];
  if (!agent) return { evidence };
  return {
    evidence,
    ...(agent.durable
      ? {}
      : {
          persons: agent.person ? [agent.person] : [],
          delegations: [agent.delegation],
          agents: [agent.row],
          launches: agent.launch ? [agent.launch] : [],
        }),
    ...(process.durableRow ? {} : { processes: [processRow(process, agent, device, nowMs)] }),
  };
}

/** Called when an entry with the owed rows was committed. */
export function paid(process: LiveProcess, agent: LiveAgent | undefined, digest: string): void {
  process.durableEvidence = digest;
  if (!agent) return;
  agent.durable = true;
  process.durableRow = true;
}

const processRow = (process: LiveProcess, agent: LiveAgent, device: DeviceRow, nowMs: number): ProcessRow => ({
  key: process.key,
  deviceId: device.id,
  agentId: agent.row.id,
  launchId: agent.launch?.id ?? null,
  viaProcessKey: process.via ?? null,
  membership: membershipIn(process.facts, agent),
  pid: process.evidence.pid,
  uid: process.evidence.uid,
  startTicks: process.evidence.startTicks,
  evidenceDigest: process.digest,
  seenAtMs: nowMs,
});
