import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { psqlEnvironment, psqlEnvironmentAs } from '../../src/lineage/psql-environment';
import { DEFAULT_ROLES } from '../../src/lineage/roles';
import { type FreshDatabase, freshDatabase } from '../fresh-database';

const PSQL = '/usr/bin/psql';
const { reader } = DEFAULT_ROLES;
const STRANGER = 'strange psql\\login';

let database: FreshDatabase;
let admin: pg.Client;
let strangerUrl: string;

beforeAll(async () => {
  database = await freshDatabase();
  admin = new pg.Client({ connectionString: database.urls.admin });
  await admin.connect();
  await admin.query(`CREATE ROLE "${STRANGER}" LOGIN PASSWORD 'p'`);
  await admin.query(`GRANT CONNECT ON DATABASE ${database.name} TO "${STRANGER}"`);
  const url = new URL(database.urls.server);
  url.username = encodeURIComponent(STRANGER);
  url.password = 'p';
  strangerUrl = url.toString();
});
afterAll(async () => {
  await admin.query(`REVOKE ALL ON DATABASE ${database.name} FROM "${STRANGER}"`);
  await admin.query(`DROP ROLE "${STRANGER}"`);
  await admin.end();
  await database.drop();
});

test.each([
  ['postgres://u:p@db.example/lineage', { PGHOST: 'db.example', PGPORT: '5432', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'lineage' }],
  ['postgres://u%40x:p%2Fq@[::1]:5433/a%20b', { PGHOST: '::1', PGPORT: '5433', PGUSER: 'u@x', PGPASSWORD: 'p/q', PGDATABASE: 'a b' }],
  [
    'postgresql://u@localhost/m?host=/run/db&port=6000',
    { PGHOST: '/run/db', PGPORT: '6000', PGUSER: 'u', PGPASSWORD: '', PGDATABASE: 'm' },
  ],
  ['postgres://u@%2Frun%2Fdb/m', { PGHOST: '/run/db', PGPORT: '5432', PGUSER: 'u', PGPASSWORD: '', PGDATABASE: 'm' }],
  [
    'postgres://u@h/m?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem',
    { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca.pem', PGSSLCERT: '/c.pem', PGSSLKEY: '/k.pem' },
  ],
  ['postgres://u@h/m?sslmode=no-verify', { PGSSLMODE: 'require' }],
])('%s', (url, expected) => {
  expect(psqlEnvironment(url)).toMatchObject(expected);
});

test('an address that says nothing of TLS sets nothing of TLS', () => {
  expect(Object.keys(psqlEnvironment('postgres://u@h/m')).filter((name) => name.startsWith('PGSSL'))).toEqual([]);
});

test("a login that is no member of the reading role is refused, with what would help; as a member it is the reader's session", async () => {
  await expect(psqlEnvironmentAs(reader, strangerUrl)).rejects.toMatchObject({
    code: 'E_DB_ROLE',
    explanation: {
      saw: `role ${STRANGER}`,
      why: expect.stringContaining('not a member of mandate_reader') as string,
      fix: expect.stringContaining(`GRANT "${reader}" TO "${STRANGER}"`) as string,
    },
  });
  await admin.query(`GRANT "${reader}" TO "${STRANGER}"`);
  expect(await psqlEnvironmentAs(reader, strangerUrl)).toMatchObject({ PGUSER: STRANGER, PGOPTIONS: `-c role=${reader}` });
});

test('a database without the reading role is refused', async () => {
  await expect(psqlEnvironmentAs('no such role', database.urls.server)).rejects.toMatchObject({
    code: 'E_DB_ROLE',
    explanation: { why: expect.stringContaining('no role') as string },
  });
});

test('a wrong password is told as such', async () => {
  await expect(psqlEnvironmentAs(reader, strangerUrl.replace(':p@', ':q@'))).rejects.toMatchObject({ code: 'E_DB_URL' });
});

const installed = existsSync(PSQL);
if (!installed) process.stdout.write(`psql-environment.test.ts: ${PSQL} is not installed, so no psql is started\n`);

describe('psql itself', () => {
  const psql = async (env: Record<string, string>, sql: string) => {
    const child = promisify(execFile)(PSQL, ['-X', '-At', '-v', 'ON_ERROR_STOP=1', '-c', sql], { env });
    return child.catch((error: { stderr: string }) => ({ stdout: '', stderr: error.stderr }));
  };

  (installed ? test : test.skip)('with the address of the server role it is the reader, and cannot write', async () => {
    const env = await psqlEnvironmentAs(reader, database.urls.server);
    expect((await psql(env, 'SELECT session_user, current_user')).stdout).toBe(`${DEFAULT_ROLES.server}|${reader}\n`);
    expect((await psql(env, 'SELECT count(*) FROM credential')).stdout).toMatch(/^\d+\n$/);
    expect((await psql(env, 'UPDATE bundle_state SET sequence = sequence + 1')).stderr).toContain('permission denied');
    // The same statement is the server role's own right.
    expect((await psql(psqlEnvironment(database.urls.server), 'UPDATE bundle_state SET sequence = sequence')).stderr).toBe('');
  });

  (installed ? test : test.skip)('a role whose name needs escapes is reached as well', async () => {
    const odd = 'odd \\reader';
    await admin.query(`CREATE ROLE "${odd}" NOLOGIN`);
    await admin.query(`GRANT "${odd}" TO ${DEFAULT_ROLES.server}`);
    try {
      const env = await psqlEnvironmentAs(odd, database.urls.server);
      expect((await psql(env, 'SELECT current_user')).stdout).toBe(`${odd}\n`);
    } finally {
      await admin.query(`DROP ROLE "${odd}"`);
    }
  });
});
