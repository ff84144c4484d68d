import type { DatabaseRoles } from './roles';
import { quoteIdentifier } from './roles';

/** What the server's role may do to one table beyond reading it. */
export interface TablePrivileges {
  readonly insert: boolean;
  /** Columns that may change; none for evidence. */
  readonly update: readonly string[];
}

const evidence: TablePrivileges = { insert: true, update: [] };

/**
 * Every table of the schema and what the server may do to it. Nothing grants DELETE or TRUNCATE: what is recorded stays.
 * The grants, the check at start and the test of roles all read this table.
 */
export const SERVER_PRIVILEGES: Readonly<Record<string, TablePrivileges>> = {
  installation: evidence,
  bundle_state: { insert: false, update: ['sequence'] },
  authority: { insert: true, update: ['stage', 'activated_at', 'retired_at', 'tainted_at', 'revoked_at', 'early'] },
  rule: { insert: true, update: ['current'] },
  rule_version: evidence,
  manifest: evidence,
  manifest_key: evidence,
  manifest_statement: evidence,
  // What it was stays on record; its bundle follows the partner, and goes when it ends.
  federation: { insert: true, update: ['document', 'document_at', 'fetched', 'removed_at'] },
  device: evidence,
  person: evidence,
  evidence,
  delegation: evidence,
  agent: evidence,
  launch: evidence,
  process: evidence,
  credential: evidence,
  event: evidence,
  ended: evidence,
  _prisma_migrations: { insert: false, update: [] },
};

/** The grants as one script for the owner: first everything is taken away, then the table above is granted. Safe to repeat. */
export function grantsSql(roles: DatabaseRoles): string {
  const server = quoteIdentifier(roles.server);
  const reader = quoteIdentifier(roles.reader);
  const statements = [`GRANT USAGE ON SCHEMA public TO ${server}, ${reader}`];
  for (const [name, may] of Object.entries(SERVER_PRIVILEGES)) {
    const table = `public.${quoteIdentifier(name)}`;
    // Revoking on the table takes column grants with it.
    statements.push(`REVOKE ALL ON ${table} FROM PUBLIC, ${server}, ${reader}`, `GRANT SELECT ON ${table} TO ${server}, ${reader}`);
    if (may.insert) statements.push(`GRANT INSERT ON ${table} TO ${server}`);
    if (may.update.length > 0) statements.push(`GRANT UPDATE (${may.update.map(quoteIdentifier).join(', ')}) ON ${table} TO ${server}`);
  }
  const partitions = 'public.lineage_partitions(date, integer)';
  statements.push(`REVOKE ALL ON FUNCTION ${partitions} FROM PUBLIC, ${reader}`, `GRANT EXECUTE ON FUNCTION ${partitions} TO ${server}`);
  return `${statements.join(';\n')};\n`;
}
