import type { AgentSummary, Chain, CredentialRow, GovernedRow } from '../domain/lineage';
import type { LineageReader } from '../domain/ports';
import { agentsByReference, agentsByState } from './agents';
import { readChain } from './chain';
import type { Database } from './connection';
import { readGoverned } from './governed';
import { uuidRange } from './prefix';
import { query } from './reading';
import { credentialRow } from './rows';

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

  governed(processKeys: readonly string[]): Promise<readonly GovernedRow[]> {
    return query(this.database, (prisma) => readGoverned(prisma, processKeys));
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
