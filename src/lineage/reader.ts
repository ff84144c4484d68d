import type { AgentSummary, Chain, CredentialRow, EndedKind, LaunchRow, ProcessRow } from '../domain/lineage';
import type { LineageReader } from '../domain/ports';
import { agentsByReference, agentsByState } from './agents';
import { readChain } from './chain';
import type { Database } from './connection';
import { uuidRange } from './prefix';
import { query } from './reading';
import { credentialRow, launchRow, processRow } from './rows';

/** Hard bound on every list, whatever is asked for. */
const MAX_ROWS = 10_000;
const bounded = (limit: number): number => Math.max(0, Math.min(MAX_ROWS, Math.trunc(limit)));

/** The LineageReader on PostgreSQL. Values that cannot be keys of anything (too long, not hex) find nothing. */
export class PostgresLineageReader implements LineageReader {
  constructor(private readonly database: Database) {}

  async credentialsByPrefix(prefix: string, limit: number): Promise<readonly CredentialRow[]> {
    const range = prefix.includes('-') ? undefined : uuidRange(prefix);
    if (range === undefined) return [];
    const where = { serial: { gte: range.low, lte: range.high } };
    return this.#credentials(where, limit);
  }

  async credentialsByPid(deviceId: string, pid: number, limit: number): Promise<readonly CredentialRow[]> {
    if (!isUuid(deviceId) || !isInt4(pid)) return [];
    const processes = await query(this.database, (prisma) =>
      prisma.process.findMany({ where: { deviceId, pid }, orderBy: { seenAt: 'desc' }, take: 100, select: { key: true } }),
    );
    if (processes.length === 0) return [];
    return this.#credentials({ processKey: { in: processes.map(({ key }) => key) } }, limit);
  }

  chain(serial: string): Promise<Chain | undefined> {
    return query(this.database, (prisma) => readChain(prisma, serial));
  }

  agents(filter: { readonly ended: boolean; readonly uid?: number }, limit: number): Promise<readonly AgentSummary[]> {
    return query(this.database, (prisma) => agentsByState(prisma, filter, bounded(limit)));
  }

  agentsByReference(reference: string, limit: number): Promise<readonly AgentSummary[]> {
    return query(this.database, (prisma) => agentsByReference(prisma, reference, bounded(limit)));
  }

  async openLaunches(deviceId: string): Promise<readonly LaunchRow[]> {
    if (!isUuid(deviceId)) return [];
    const rows = await query(this.database, async (prisma) => {
      const ids = await prisma.$queryRaw<{ id: string }[]>`
        SELECT l.id::text FROM launch l WHERE l.device_id = ${deviceId}::uuid
          AND NOT EXISTS (SELECT 1 FROM ended e WHERE e.kind = 'launch' AND e.id = l.id::text)
        ORDER BY l.opened_at DESC LIMIT ${MAX_ROWS}`;
      return prisma.launch.findMany({ where: { id: { in: ids.map(({ id }) => id) } }, orderBy: { openedAt: 'asc' } });
    });
    return rows.map(launchRow);
  }

  async openProcesses(deviceId: string): Promise<readonly (ProcessRow & { readonly agentName: string; readonly delegationId: string })[]> {
    if (!isUuid(deviceId)) return [];
    return query(this.database, async (prisma) => {
      const open = await prisma.$queryRaw<{ key: string; agentName: string; delegationId: string }[]>`
        SELECT p.key, a.name AS "agentName", a.delegation_id::text AS "delegationId" FROM process p JOIN agent a ON a.id = p.agent_id
        WHERE p.device_id = ${deviceId}::uuid
          AND NOT EXISTS (SELECT 1 FROM ended e WHERE e.kind = 'process' AND e.id = p.key)
          AND NOT EXISTS (SELECT 1 FROM ended e WHERE e.kind = 'agent' AND e.id = p.agent_id::text)
        ORDER BY p.seen_at DESC LIMIT ${MAX_ROWS}`;
      const named = new Map(open.map((row) => [row.key, row]));
      const rows = await prisma.process.findMany({ where: { key: { in: [...named.keys()] } }, orderBy: { seenAt: 'asc' } });
      return rows.map((row) => ({
        ...processRow(row),
        agentName: named.get(row.key)?.agentName ?? '',
        delegationId: named.get(row.key)?.delegationId ?? '',
      }));
    });
  }

  async agentEnded(agentId: string): Promise<boolean> {
    return (await this.endedIds('agent', [agentId])).has(agentId);
  }

  async endedIds(kind: EndedKind, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const where = { kind, id: { in: [...ids] } };
    const rows = await query(this.database, (prisma) => prisma.ended.findMany({ where, select: { id: true }, take: MAX_ROWS }));
    return new Set(rows.map(({ id }) => id));
  }

  async device(machineId: string): Promise<{ readonly id: string } | undefined> {
    return (await query(this.database, (prisma) => prisma.device.findUnique({ where: { machineId }, select: { id: true } }))) ?? undefined;
  }

  async person(deviceId: string, uid: number, name: string): Promise<{ readonly id: string } | undefined> {
    const key = { deviceId_uid_name: { deviceId, uid: BigInt(uid), name } };
    return (await query(this.database, (prisma) => prisma.person.findUnique({ where: key, select: { id: true } }))) ?? undefined;
  }

  async #credentials(where: object, limit: number): Promise<readonly CredentialRow[]> {
    const orderBy = [{ issuedAt: 'desc' as const }, { serial: 'desc' as const }];
    const rows = await query(this.database, (prisma) => prisma.credential.findMany({ where, orderBy, take: bounded(limit) }));
    return rows.map(credentialRow);
  }
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
const isInt4 = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= 0x7fffffff;
