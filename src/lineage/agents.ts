import type { Agent as StoredAgent, Credential as StoredCredential } from '../generated/prisma/client';
import type { AgentSummary } from '../domain/lineage';
import type { Database } from './connection';
import { nameRange, uuidRange } from './prefix';
import { agentRow, credentialRow, delegationRow, launchRow, personRow, processRow } from './rows';

type Prisma = Database['prisma'];

/** Processes shown for one page of agents. */
const MAX_PROCESSES = 5000;

/** Running agents, with `ended` those that have ended as well, newest first; optionally those of one user. */
export async function agentsByState(
  prisma: Prisma,
  filter: { ended: boolean; uid?: number },
  limit: number,
): Promise<readonly AgentSummary[]> {
  const uid = filter.uid ?? null;
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    SELECT a.id::text FROM agent a LEFT JOIN ended e ON e.kind = 'agent' AND e.id = a.id::text
    WHERE (e.id IS NULL OR ${filter.ended}) AND (${uid}::bigint IS NULL OR EXISTS (
      SELECT 1 FROM process p WHERE p.agent_id = a.id AND p.uid = ${uid}::bigint
      UNION ALL SELECT 1 FROM launch l WHERE l.agent_id = a.id AND l.uid = ${uid}::bigint))
    ORDER BY a.started_at DESC LIMIT ${limit}`;
  return summaries(
    prisma,
    rows.map((row) => row.id),
  );
}

/** Agents with this id or name, or with this prefix of either where nothing fits exactly; newest first. */
export async function agentsByReference(prisma: Prisma, reference: string, limit: number): Promise<readonly AgentSummary[]> {
  const [ids, names] = [uuidRange(reference), nameRange(reference)];
  const page = { orderBy: { startedAt: 'desc' as const }, take: limit };
  let found: StoredAgent[] = [];
  if (reference.length <= 256 && !reference.includes('\0')) found = await prisma.agent.findMany({ where: { name: reference }, ...page });
  if (found.length === 0 && (ids ?? names)) {
    const OR = [
      ...(ids ? [{ id: { gte: ids.low, lte: ids.high } }] : []),
      ...(names ? [{ name: { gte: names.low, lte: names.high } }] : []),
    ];
    found = await prisma.agent.findMany({ where: { OR }, ...page });
  }
  return summaries(
    prisma,
    found.map((row) => row.id),
  );
}

/** What `agents ls` shows of these agents, in this order. */
async function summaries(prisma: Prisma, ids: readonly string[]): Promise<readonly AgentSummary[]> {
  if (ids.length === 0) return [];
  const list = [...ids];
  const [agents, launches, processes, latest, ended] = await Promise.all([
    prisma.agent.findMany({ where: { id: { in: list } }, include: { delegation: { include: { person: true } } } }),
    prisma.launch.findMany({ where: { agentId: { in: list } }, orderBy: { openedAt: 'asc' }, take: MAX_PROCESSES }),
    prisma.process.findMany({ where: { agentId: { in: list } }, orderBy: { seenAt: 'asc' }, take: MAX_PROCESSES }),
    latestCredentials(prisma, list),
    prisma.ended.findMany({ where: { kind: 'agent', id: { in: list } } }),
  ]);
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  return ids.flatMap((id) => {
    const agent = byId.get(id);
    if (agent === undefined) return [];
    const launch = launches.find((row) => row.id === agent.launchId) ?? launches.find((row) => row.agentId === id);
    const credential = latest.find((row) => row.agentId === id);
    const { delegation } = agent;
    return [
      {
        agent: agentRow(agent),
        launch: launch ? launchRow(launch) : null,
        delegation: delegationRow(delegation),
        person: delegation.person && personRow(delegation.person),
        processes: processes.filter((row) => row.agentId === id).map(processRow),
        latest: credential ? credentialRow(credential) : null,
        endedAtMs: ended.find((row) => row.id === id)?.at.getTime() ?? null,
      },
    ];
  });
}

/** The newest credential of each agent: one index probe per agent and partition, stopped at the first hit. */
function latestCredentials(prisma: Prisma, agentIds: string[]): Promise<StoredCredential[]> {
  return prisma.$queryRaw<StoredCredential[]>`
    SELECT c.serial::text, c.day, c.kind, c.spiffe_id AS "spiffeId", c.audience, c.issued_at AS "issuedAt", c.not_before AS "notBefore",
      c.not_after AS "notAfter", c.recorded_at AS "recordedAt", c.authority_key_id AS "authorityKeyId", c.public_key_sha256 AS "publicKeySha256",
      c.process_key AS "processKey", c.agent_id::text AS "agentId", c.delegation_id::text AS "delegationId",
      c.evidence_digest AS "evidenceDigest", c.rule_name AS "ruleName", c.rule_version AS "ruleVersion", c.device_id::text AS "deviceId", c.record
    FROM unnest(${agentIds}::uuid[]) AS wanted(id)
    CROSS JOIN LATERAL (SELECT * FROM credential WHERE agent_id = wanted.id ORDER BY issued_at DESC LIMIT 1) c`;
}
