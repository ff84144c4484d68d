import type { RuleVersion as StoredVersion } from '../generated/prisma/client';
import type { Rule, RuleVersion } from '../domain/rule';
import type { RuleStore } from '../domain/ports';
import type { Database } from './connection';
import { query } from './reading';

const LOCK = 7270736902n;
const MAX_RULES = 10_000;

type Newest = Pick<StoredVersion, 'name' | 'version' | 'contentSha256'>;

/** The RuleStore on PostgreSQL: versions are inserted and never changed; a rule points at the one in force. */
export class PostgresRuleStore implements RuleStore {
  constructor(private readonly database: Database) {}

  current(): Promise<readonly RuleVersion[]> {
    return query(this.database, currentRules);
  }

  async versions(name: string, limit: number): Promise<readonly RuleVersion[]> {
    const rows = await query(this.database, (prisma) =>
      prisma.ruleVersion.findMany({ where: { name }, orderBy: { version: 'desc' }, take: limit }),
    );
    return rows.map(ruleVersion);
  }

  apply(
    rules: readonly { rule: Rule; contentSha256: string; canonical: string }[],
    author: string,
    atMs: number,
  ): Promise<readonly RuleVersion[]> {
    return query(this.database, (prisma) =>
      prisma.$transaction(async (transaction) => {
        // Held to the end of the transaction, so versions of one rule are counted by one writer at a time.
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`;
        const names = rules.map(({ rule }) => rule.name);
        const current = await transaction.$queryRaw<Newest[]>`
          SELECT v.name, v.version, v.content_sha256 AS "contentSha256"
          FROM rule r JOIN rule_version v ON v.name = r.name AND v.version = r.current WHERE r.name = ANY(${names})`;
        const newest = new Map(current.map((row) => [row.name, row]));
        for (const { rule, contentSha256, canonical } of rules) {
          const last = newest.get(rule.name);
          const content = Uint8Array.from(Buffer.from(contentSha256, 'hex'));
          if (last !== undefined && Buffer.compare(last.contentSha256, content) === 0) continue;
          const version = (last?.version ?? 0) + 1;
          if (last === undefined) await transaction.rule.createMany({ data: { name: rule.name, current: version } });
          const data = { name: rule.name, version, canonical, contentSha256: content, author, appliedAt: new Date(atMs) };
          await transaction.ruleVersion.createMany({ data });
          newest.set(rule.name, data);
          await transaction.rule.updateMany({ where: { name: rule.name }, data: { current: version } });
        }
        return currentRules(transaction);
      }),
    );
  }
}

async function currentRules(prisma: Pick<Database['prisma'], '$queryRaw'>): Promise<readonly RuleVersion[]> {
  const rows = await prisma.$queryRaw<StoredVersion[]>`
    SELECT v.name, v.version, v.canonical, v.content_sha256 AS "contentSha256", v.author, v.applied_at AS "appliedAt"
    FROM rule r JOIN rule_version v ON v.name = r.name AND v.version = r.current ORDER BY r.name LIMIT ${MAX_RULES}`;
  return rows.map(ruleVersion).sort((a, b) => b.rule.priority - a.rule.priority || (a.rule.name < b.rule.name ? -1 : 1));
}

const ruleVersion = (row: StoredVersion): RuleVersion => ({
  rule: JSON.parse(row.canonical) as Rule,
  version: row.version,
  contentSha256: Buffer.from(row.contentSha256).toString('hex'),
  appliedAtMs: row.appliedAt.getTime(),
  author: row.author,
});
