import { MandateError } from '../domain/errors';

/** The three roles of a lineage database. */
export interface DatabaseRoles {
  /** Owns the schema and migrates it; no service holds its password while it runs. */
  readonly owner: string;
  /** Inserts evidence, updates the state tables (privileges.ts). */
  readonly server: string;
  readonly reader: string;
}

export const DEFAULT_ROLES: DatabaseRoles = { owner: 'mandate_owner', server: 'mandate_server', reader: 'mandate_reader' };
export const DEFAULT_DATABASE = 'mandate';

export type RolePasswords = Readonly<Record<keyof DatabaseRoles, string>>;

/** A name as SQL takes it literally. Throws E_DB_URL for one that PostgreSQL would cut (63 bytes) or that holds a NUL. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > 63) {
    throw new MandateError('E_DB_URL', { why: 'a role or database name has between 1 and 63 bytes' });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

const quoteLiteral = (text: string): string => {
  if (text.includes('\0') || text.includes('\\')) throw new MandateError('E_INTERNAL', { saw: 'a literal that needs escapes' });
  return `'${text.replaceAll("'", "''")}'`;
};

const ATTRIBUTES = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';

/**
 * Statements, one line each, that a superuser runs once to make the three roles and the database. Without passwords it is what
 * `db migrate --print-roles` shows, with a place to put them.
 */
export function rolesSql(roles: DatabaseRoles, database: string, passwords?: RolePasswords): string[] {
  const name = quoteIdentifier(database);
  const [owner, server, reader] = [roles.owner, roles.server, roles.reader].map(quoteIdentifier);
  const create = (kind: keyof DatabaseRoles, role: string | undefined) =>
    `CREATE ROLE ${role} ${ATTRIBUTES} PASSWORD ${quoteLiteral(passwords?.[kind] ?? 'choose-a-password')};`;
  return [
    create('owner', owner),
    create('server', server),
    create('reader', reader),
    `CREATE DATABASE ${name} OWNER ${owner} ENCODING 'UTF8' TEMPLATE template0;`,
    // Otherwise every role may connect and make temporary tables.
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;`,
    `GRANT CONNECT ON DATABASE ${name} TO ${server}, ${reader};`,
    // It reads everything itself; so `db psql` can be the reader with the address that the service is given.
    `GRANT ${reader} TO ${server};`,
    ...['server', 'reader', 'owner'].map(
      (kind) => `ALTER ROLE ${quoteIdentifier(roles[kind as keyof DatabaseRoles])} SET timezone = 'UTC';`,
    ),
  ];
}

/** Statements that give the existing roles new passwords: for a cluster whose password files were lost. */
export function passwordsSql(roles: DatabaseRoles, passwords: RolePasswords): string[] {
  return (['owner', 'server', 'reader'] as const).map(
    (kind) => `ALTER ROLE ${quoteIdentifier(roles[kind])} PASSWORD ${quoteLiteral(passwords[kind])};`,
  );
}
