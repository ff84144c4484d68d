import { MandateError } from '../domain/errors';

/** A database address that can be used, and the parts of it that may be shown. */
export interface DatabaseAddress {
  /** With its password: for the driver only. */
  readonly url: string;
  readonly role: string;
  readonly database: string;
  /** Host or socket folder and database, without role or password. */
  readonly shown: string;
}

const MAX_URL_BYTES = 4096;
/** Parameters of other Prisma connectors, which the driver would hand to the server as unknown settings. */
const DROPPED = ['schema', 'connection_limit', 'pool_timeout', 'connect_timeout', 'socket_timeout', 'pgbouncer', 'statement_cache_size'];
/** What would undo the settings each connection makes for itself. */
const REFUSED = ['options', 'replication', 'user', 'password'];

/** Checks `postgres://role[:password]@host[:port]/database[?host=/socket/folder]`. Throws E_DB_URL, which never repeats the address. */
export function databaseAddress(text: string): DatabaseAddress {
  const refuse = (why: string, cause?: unknown): never => {
    throw new MandateError('E_DB_URL', { why, fix: 'give it as postgres://ROLE:PASSWORD@HOST:PORT/DATABASE' }, { cause });
  };
  if (Buffer.byteLength(text) > MAX_URL_BYTES) refuse(`it is longer than ${MAX_URL_BYTES} bytes`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse('it is not a URL'); // the parser's own error repeats the text, password included
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') refuse('its scheme is neither postgres nor postgresql');
  const schema = url.searchParams.get('schema');
  if (schema !== null && schema !== 'public') refuse('the lineage lives in the schema public');
  for (const name of DROPPED) url.searchParams.delete(name);
  for (const name of REFUSED) if (url.searchParams.has(name)) refuse(`the parameter ${name} is not accepted`);
  let role: string, database: string;
  try {
    role = decodeURIComponent(url.username);
    database = decodeURIComponent(url.pathname.slice(1));
    decodeURIComponent(url.password);
  } catch {
    return refuse('it holds a broken percent escape');
  }
  if (role === '') refuse('it names no role');
  if (database === '' || database.includes('/')) refuse('it names no database');
  const socket = url.searchParams.get('host');
  const shown = `${database} at ${socket ?? url.host}`;
  return { url: url.toString(), role, database, shown };
}
