import type { Pool } from 'pg';
import { MandateError } from '../domain/errors';
import { SERVER_PRIVILEGES } from './privileges';

/** Each row is one thing the connected role may do and should not. has_*_privilege counts what is inherited from other roles too. */
const EXCESS = `
  SELECT 'it is a superuser' AS may FROM pg_roles WHERE rolname = current_user AND rolsuper
  UNION ALL SELECT 'it may create roles' FROM pg_roles WHERE rolname = current_user AND rolcreaterole
  UNION ALL SELECT 'it may create databases' FROM pg_roles WHERE rolname = current_user AND rolcreatedb
  UNION ALL SELECT 'it bypasses row security' FROM pg_roles WHERE rolname = current_user AND rolbypassrls
  UNION ALL SELECT 'it may replicate' FROM pg_roles WHERE rolname = current_user AND rolreplication
  UNION ALL SELECT 'it is a member of ' || r.rolname FROM pg_roles r
    WHERE (r.rolsuper OR r.rolname LIKE 'pg\\_%') AND r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')
  UNION ALL SELECT 'it owns the database, or is a member of its owner' FROM pg_database
    WHERE datname = current_database() AND pg_has_role(current_user, datdba, 'MEMBER')
  UNION ALL SELECT 'it owns ' || c.relname || ', or is a member of its owner' FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND pg_has_role(current_user, c.relowner, 'MEMBER')
  UNION ALL SELECT 'it may create objects in the schema public' WHERE has_schema_privilege(current_user, 'public', 'CREATE')
  UNION ALL SELECT 'it may ' || p.name || ' on ' || c.relname FROM pg_class c, unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS p(name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_table_privilege(current_user, c.oid, p.name)
  UNION ALL SELECT 'it may INSERT on ' || c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_any_column_privilege(current_user, c.oid, 'INSERT')
      AND NOT c.relname = ANY ($2::text[])
  UNION ALL SELECT 'it may UPDATE ' || c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_column_privilege(current_user, c.oid, a.attnum, 'UPDATE')
      AND NOT (c.relname || '.' || a.attname) = ANY ($1::text[])
  LIMIT 20`;

const UPDATABLE = Object.entries(SERVER_PRIVILEGES).flatMap(([table, may]) => may.update.map((column) => `${table}.${column}`));
const INSERTABLE = Object.entries(SERVER_PRIVILEGES).flatMap(([table, may]) => (may.insert ? [table] : []));

/** Refuses a role that could do more than the server needs: a fault in the server must not be able to rewrite the lineage. Throws E_DB_ROLE. */
export async function assureServerRole(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ may: string }>(EXCESS, [UPDATABLE, INSERTABLE]);
  if (rows.length === 0) return;
  throw new MandateError('E_DB_ROLE', {
    saw: rows
      .slice(0, 5)
      .map((row) => row.may)
      .join('; '),
    why: 'what the server cannot do, nobody can make it do',
    fix: 'give --db the role mandate_server as made by: mandate db migrate --print-roles',
  });
}
