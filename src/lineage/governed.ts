import type { GovernedRow } from '../domain/lineage';
import type { Database } from './connection';

type Prisma = Database['prisma'];

interface Changed {
  readonly processKey: string;
  readonly changedAt: Date;
  readonly record: Uint8Array;
}

/**
 * What governed each of these processes, by its first evidence that says so, and whether that changed since: the events of a change are
 * committed before anything is decided on the evidence that shows it. Processes of which nothing is known are left out.
 */
export async function readGoverned(prisma: Prisma, processKeys: readonly string[]): Promise<readonly GovernedRow[]> {
  if (processKeys.length === 0) return [];
  const keys = [...processKeys];
  const [firsts, changes] = await Promise.all([
    // Quotes inside a text of canonical JSON are escaped, so nothing but a fact of this type has this beginning.
    prisma.$queryRaw<{ processKey: string; sha256: string }[]>`
      SELECT wanted.key AS "processKey", found.sha256 FROM unnest(${keys}::text[]) AS wanted(key) CROSS JOIN LATERAL (
        SELECT substring(convert_from(canonical, 'UTF8') FROM '\\["agent\\.config_sha256","([0-9a-f]{64})"') AS sha256
        FROM evidence WHERE process_key = wanted.key AND position('["agent.config_sha256","'::bytea IN canonical) > 0
        ORDER BY seen_at LIMIT 1) found
      WHERE found.sha256 IS NOT NULL`,
    prisma.$queryRaw<Changed[]>`
      SELECT DISTINCT ON (process_key) process_key AS "processKey", min(at) OVER (PARTITION BY process_key) AS "changedAt", record
      FROM event WHERE kind = 'configuration-changed' AND process_key = ANY(${keys}::text[]) ORDER BY process_key, at DESC, id DESC`,
  ]);
  const governed = new Map<string, GovernedRow>(
    firsts.map(({ processKey, sha256 }) => [processKey, { processKey, first: sha256, last: sha256, changedAtMs: null }]),
  );
  for (const { processKey, changedAt, record } of changes) {
    const { firstSha256, nowSha256 } = (JSON.parse(Buffer.from(record).toString('utf8')) as { data: Record<string, string> }).data;
    governed.set(processKey, { processKey, first: firstSha256 ?? '', last: nowSha256 ?? '', changedAtMs: changedAt.getTime() });
  }
  return [...governed.values()];
}
