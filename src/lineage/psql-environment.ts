import { MandateError } from '../domain/errors';
import { databaseAddress } from './address';
import { sqlState } from './failure';
import { quoteIdentifier } from './roles';
import { withSession } from './session';

/** What an address says about TLS, by the variable libpq reads it from: psql must not connect with less than the address asks for. */
const TLS = { sslmode: 'PGSSLMODE', sslrootcert: 'PGSSLROOTCERT', sslcert: 'PGSSLCERT', sslkey: 'PGSSLKEY' } as const;

/** An address as libpq's variables: an argument would show the password to everybody on the machine. Throws E_DB_URL. */
export function psqlEnvironment(text: string): Record<string, string> {
  const url = new URL(databaseAddress(text).url);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const tls = Object.entries(TLS).flatMap(([parameter, variable]) => {
    const value = url.searchParams.get(parameter);
    // The driver's own word for encrypted, but not verified.
    return value === null ? [] : [[variable, value === 'no-verify' ? 'require' : value]];
  });
  return {
    PGHOST: host,
    PGPORT: url.searchParams.get('port') ?? (url.port === '' ? '5432' : url.port),
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
    ...(Object.fromEntries(tls) as Record<string, string>),
  };
}

/**
 * The variables that open psql as `reader`, with the login of another role. This keeps mistakes out, not malice: whoever has the login can
 * set the role back. Throws E_DB_ROLE where the login is no member of the reading role, E_DB_URL and E_DB_DOWN.
 */
export async function psqlEnvironmentAs(reader: string, text: string): Promise<Record<string, string>> {
  const { role } = databaseAddress(text);
  await withSession(text, async (client) => {
    await client.query(`SET ROLE ${quoteIdentifier(reader)}`).catch((cause: unknown) => {
      const state = sqlState(cause);
      // 42501: not a member; 22023: there is no such role.
      if (state !== '42501' && state !== '22023') throw cause;
      throw new MandateError(
        'E_DB_ROLE',
        {
          saw: `role ${role}`,
          why:
            state === '42501'
              ? `it is not a member of ${reader}, so psql would open as a role that may write`
              : `there is no role ${reader}`,
          fix:
            state === '42501'
              ? `as a superuser: GRANT ${quoteIdentifier(reader)} TO ${quoteIdentifier(role)}; or name ${reader} and its password in --db`
              : 'create the roles: mandate db migrate --print-roles',
        },
        { cause },
      );
    });
  });
  return { ...psqlEnvironment(text), PGOPTIONS: `-c role=${reader.replace(/[\\\s]/g, '\\$&')}` };
}
