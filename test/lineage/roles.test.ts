import pg from 'pg';
import { openLineage } from '../../src/lineage/lineage';
import { SERVER_PRIVILEGES } from '../../src/lineage/privileges';
import { DEFAULT_ROLES, rolesSql } from '../../src/lineage/roles';
import { systemClock } from '../../src/system/clock';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';
import { credential, event } from './lineage-rows';

let database: FreshDatabase;
let clients: Record<'owner' | 'server' | 'reader' | 'admin', pg.Client>;
let tables: string[];

beforeAll(async () => {
  database = await freshDatabase();
  const lineage = await openLineage({ url: database.urls.server, clock: systemClock, log: silentLog });
  await lineage.writer.append({ fact: { credential: credential() } });
  await lineage.writer.append({ fact: { event: event() } });
  await lineage.close();
  const connected = Object.entries(database.urls).map(async ([kind, connectionString]) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    return [kind, client] as const;
  });
  clients = Object.fromEntries(await Promise.all(connected)) as typeof clients;
  const listed = await clients.admin.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
  );
  tables = listed.rows.map((row) => row.relname);
});
afterAll(async () => {
  await Promise.all(Object.values(clients).map((client) => client.end()));
  await database.drop();
});

const outcome = (client: pg.Client, sql: string): Promise<string> =>
  client
    .query(`BEGIN; ${sql}`)
    .then(
      () => 'allowed',
      (error: { code: string }) => error.code,
    )
    .finally(() => client.query('ROLLBACK'));

test('every table has its privileges named', () => {
  const parents = tables.filter((name) => !/^(credential|event)_\d{8}$/.test(name));
  expect(parents.sort()).toEqual(Object.keys(SERVER_PRIVILEGES).sort());
  expect(tables.length).toBeGreaterThan(parents.length + 20);
});

test('neither server nor reader can change or remove what is recorded, on any table or partition', async () => {
  const attempts: [string, string, string][] = [];
  for (const role of ['server', 'reader'] as const) {
    for (const table of tables) {
      const may = SERVER_PRIVILEGES[table];
      const { rows } = await clients.admin.query<{ attname: string }>(
        'SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
        [table],
      );
      const columns = rows.map((row) => row.attname).filter((name) => role === 'reader' || !may?.update.includes(name));
      const statements = [
        ...columns.map((column) => `UPDATE ${table} SET ${column} = ${column}`),
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
        `DROP TABLE ${table}`,
        `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
        `ALTER TABLE ${table} ADD COLUMN x int`,
        `ALTER TABLE ${table} OWNER TO mandate_server`,
        `CREATE TRIGGER t BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
        `CREATE RULE r AS ON INSERT TO ${table} DO INSTEAD NOTHING`,
        `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`,
      ];
      for (const statement of statements) attempts.push([role, statement, await outcome(clients[role], statement)]);
    }
  }
  expect(attempts.length).toBeGreaterThan(1000);
  expect(attempts.filter(([, , code]) => code !== '42501')).toEqual([]);
});

test.each([
  ['server', 'CREATE TABLE mine (x int)', '42501'],
  ['server', 'CREATE TEMPORARY TABLE mine (x int)', '42501'],
  ['server', 'CREATE SCHEMA mine', '42501'],
  ['server', 'DROP FUNCTION lineage_partitions(date, integer)', '42501'],
  ['server', 'SET ROLE mandate_owner', '42501'],
  ['server', 'SET SESSION AUTHORIZATION postgres', '42501'],
  ['server', 'CREATE ROLE mine', '42501'],
  ['server', 'CREATE PUBLICATION p FOR ALL TABLES', '42501'],
  ['server', "SET session_replication_role = 'replica'", '42501'],
  ['server', "COPY credential TO '/tmp/x'", '42501'],
  ['server', 'SELECT lineage_partitions(current_date, 63)', '22023'],
  ['server', 'SELECT lineage_partitions(current_date, 0)', '22023'],
  ['server', 'SELECT lineage_partitions(NULL, 1)', '22023'],
  ['server', 'SELECT lineage_partitions(current_date + 401, 1)', '22023'],
  ['server', "SELECT lineage_partitions('infinity', 1)", '22023'],
  ['server', 'SELECT lineage_partitions(current_date, 2)', 'allowed'],
  ['server', 'UPDATE bundle_state SET sequence = sequence + 1', 'allowed'],
  ['server', "UPDATE authority SET stage = 'retired', activated_at = now(), retired_at = now()", 'allowed'],
  ['server', 'UPDATE rule SET current = current', 'allowed'],
  ['server', 'INSERT INTO bundle_state VALUES (true, 0)', '42501'],
  ['server', 'INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (1, 1, 1)', '42501'],
  ['reader', "INSERT INTO ended VALUES ('agent', 'x', now(), 'x')", '42501'],
  ['reader', 'SELECT lineage_partitions(current_date, 1)', '42501'],
  ['reader', 'SELECT * FROM credential', 'allowed'],
] as const)('%s: %s → %s', async (role, statement, expected) => {
  expect(await outcome(clients[role], statement)).toBe(expected);
});

describe('the server refuses a role that may do more', () => {
  const open = (url: string) => openLineage({ url, clock: systemClock, log: silentLog });
  const refused = (url: string, saw: string) =>
    expect(open(url)).rejects.toMatchObject({ code: 'E_DB_ROLE', explanation: { saw: expect.stringContaining(saw) } });

  test('a superuser', () => refused(database.urls.admin, 'it is a superuser'));
  test('the owner', () => refused(database.urls.owner, 'it owns'));

  test.each([
    ['GRANT DELETE ON credential TO mandate_server', 'REVOKE DELETE ON credential FROM mandate_server', 'it may DELETE on credential'],
    ['GRANT TRUNCATE ON ended TO mandate_server', 'REVOKE TRUNCATE ON ended FROM mandate_server', 'it may TRUNCATE on ended'],
    ['GRANT TRIGGER ON event TO PUBLIC', 'REVOKE TRIGGER ON event FROM PUBLIC', 'it may TRIGGER on event'],
    [
      'GRANT UPDATE (record) ON credential TO mandate_server',
      'REVOKE UPDATE (record) ON credential FROM mandate_server',
      'it may UPDATE credential.record',
    ],
    ['GRANT UPDATE ON authority TO mandate_server', 'REVOKE UPDATE ON authority FROM mandate_server', 'it may UPDATE authority.'],
    [
      'GRANT INSERT ON _prisma_migrations TO mandate_server',
      'REVOKE INSERT ON _prisma_migrations FROM mandate_server',
      'it may INSERT on _prisma_migrations',
    ],
    ['GRANT CREATE ON SCHEMA public TO PUBLIC', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC', 'it may create objects in the schema public'],
  ])('%s', async (grant, revoke, saw) => {
    await clients.admin.query(grant);
    await refused(database.urls.server, saw);
    await clients.admin.query(revoke);
    // Revoking a whole-table UPDATE takes the granted columns with it.
    if (grant.includes('UPDATE ON authority'))
      await clients.admin.query('GRANT UPDATE (stage, activated_at, retired_at) ON authority TO mandate_server');
    await (await open(database.urls.server)).close();
  });

  test.each([
    ['CREATEDB', 'it may create databases'],
    ['CREATEROLE', 'it may create roles'],
    ['BYPASSRLS', 'it bypasses row security'],
    ['REPLICATION', 'it may replicate'],
    ['IN ROLE mandate_owner', 'it owns'],
    ['IN ROLE pg_write_all_data', 'it is a member of pg_write_all_data'],
    ['SUPERUSER', 'it is a superuser'],
  ])('with %s', async (attribute, saw) => {
    // A role of its own: roles belong to the whole cluster, and other tests use the common one.
    const role = `${database.name}_${attribute.replaceAll(' ', '_').toLowerCase()}`.slice(0, 63);
    await clients.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x' ${attribute}; GRANT CONNECT ON DATABASE ${database.name} TO ${role}`);
    const url = new URL(database.urls.server);
    url.username = role;
    url.password = 'x';
    await refused(url.toString(), saw);
    await clients.admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

test('the printed SQL names no password of ours and quotes what it is given', () => {
  const sql = rolesSql({ ...DEFAULT_ROLES, server: 'we"ird' }, 'da"ta').join('\n');
  expect(sql).toContain('CREATE ROLE "we""ird" LOGIN NOSUPERUSER');
  expect(sql).toContain('CREATE DATABASE "da""ta" OWNER "mandate_owner"');
  expect(sql).toContain("'choose-a-password'");
  expect(() => rolesSql({ ...DEFAULT_ROLES, reader: 'x'.repeat(64) }, 'd')).toThrow(expect.objectContaining({ code: 'E_DB_URL' }));
});
