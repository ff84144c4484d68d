import type { Delegation as StoredDelegation } from '../generated/prisma/client';
import type { Chain } from '../domain/lineage';
import type { Database } from './connection';
import { readGoverned } from './governed';
import { uuidRange } from './prefix';
import {
  agentRow,
  authorityRow,
  credentialRow,
  delegationRow,
  deviceRow,
  endedRow,
  evidenceRow,
  launchRow,
  personRow,
  processRow,
} from './rows';

type Prisma = Database['prisma'];

/** Deeper chains of delegations are cut; the trace then does not reach a root and says so. */
const MAX_DEPTH = 32;

/**
 * Everything one credential rests on, in three round trips: the credential; what it names; what those name. Undefined where there is no
 * such serial.
 */
export async function readChain(prisma: Prisma, serial: string): Promise<Chain | undefined> {
  if (!/^[0-9a-f]{32}$/.test(serial) || uuidRange(serial) === undefined) return undefined;
  const stored = await prisma.credential.findFirst({ where: { serial } });
  if (stored === null) return undefined;
  const credential = credentialRow(stored);

  const [evidence, process, agent, delegations, authority] = await Promise.all([
    stored.evidenceDigest && prisma.evidence.findUnique({ where: { digest: stored.evidenceDigest } }),
    credential.processKey === null ? null : prisma.process.findUnique({ where: { key: credential.processKey } }),
    credential.agentId === null ? null : prisma.agent.findUnique({ where: { id: credential.agentId } }),
    credential.delegationId === null ? [] : delegationsToRoot(prisma, credential.delegationId),
    prisma.authority.findUnique({ where: { keyId: credential.authorityKeyId } }),
  ]);

  const personId = delegations.at(-1)?.personId ?? null;
  const deviceId = credential.deviceId ?? agent?.deviceId ?? null;
  const launchId = process?.launchId ?? agent?.launchId ?? null;
  const endings = [
    ...(process ? [{ kind: 'process', id: process.key }] : []),
    ...(agent ? [{ kind: 'agent', id: agent.id }] : []),
    ...(launchId === null ? [] : [{ kind: 'launch', id: launchId }]),
    ...delegations.map(({ id }) => ({ kind: 'delegation', id })),
  ];
  const [launch, person, device, governed, ended] = await Promise.all([
    launchId === null ? null : prisma.launch.findUnique({ where: { id: launchId } }),
    personId === null ? null : prisma.person.findUnique({ where: { id: personId } }),
    deviceId === null ? null : prisma.device.findUnique({ where: { id: deviceId } }),
    process === null ? [] : readGoverned(prisma, [process.key]),
    endings.length === 0 ? [] : prisma.ended.findMany({ where: { OR: endings } }),
  ]);
  return {
    credential,
    evidence: evidence ? evidenceRow(evidence) : null,
    process: process && processRow(process),
    agent: agent && agentRow(agent),
    launch: launch && launchRow(launch),
    delegations: delegations.map(delegationRow),
    person: person && personRow(person),
    device: device && deviceRow(device),
    authority: authority && authorityRow(authority),
    governed: governed[0] ?? null,
    ended: ended.map(endedRow),
  };
}

/** From the given delegation up to its root. */
function delegationsToRoot(prisma: Prisma, id: string): Promise<StoredDelegation[]> {
  return prisma.$queryRaw<StoredDelegation[]>`
    WITH RECURSIVE up AS (
      SELECT d.*, 1 AS depth FROM delegation d WHERE d.id = ${id}::uuid
      UNION ALL SELECT d.*, up.depth + 1 FROM delegation d JOIN up ON d.id = up.parent_id WHERE up.depth < ${MAX_DEPTH}::int
    )
    SELECT id::text, parent_id::text AS "parentId", agent_id::text AS "agentId", person_id::text AS "personId", assurance, given,
      started_at AS "startedAt", ends_at AS "endsAt", stop_code AS "stopCode", stop_reason AS "stopReason"
    FROM up ORDER BY depth`;
}
