import { execFileSync } from 'node:child_process';
import path from 'node:path';
import pg from 'pg';
import { openLineage } from '../../src/lineage/lineage';
import { migrate, pendingMigrations } from '../../src/lineage/migrate';
import { type Migration, pendingOf, shippedMigrations } from '../../src/lineage/migrations';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';

const shipped = shippedMigrations();
const migration = (name: string, sql: string): Migration => ({ name, sql, checksum: `${name}-${sql.length}`.padEnd(64, '0').slice(0, 64) });
const times = { clock: systemClock, random: systemRandom };

describe('what is pending', () => {
  const [a, b] = [migration('0001_a', 'a'), migration('0002_b', 'b')];
  const applied = (m: Migration, over = {}) => ({ migration_name: m.name, checksum: m.checksum, finished: true, ...over });
  test.each([
    ['nothing applied', [], ['0001_a', '0002_b']],
    ['one applied', [applied(a)], ['0002_b']],
    ['all applied', [applied(a), applied(b)], []],
  ])('%s', (_name, rows, names) => expect(pendingOf([a, b], rows).map((m) => m.name)).toEqual(names));
  test.each([
    ['an earlier one failed', [applied(a, { finished: false })], 'E_DB_MIGRATION'],
    ['an applied one was edited', [applied(a, { checksum: 'other' })], 'E_DB_SCHEMA'],
    ['the database is newer', [applied(a), applied(migration('0003_c', 'c'))], 'E_DB_SCHEMA'],
  ])('refused: %s', (_name, rows, code) => expect(() => pendingOf([a, b], rows)).toThrow(expect.objectContaining({ code })));
});

describe('on a database', () => {
  let database: FreshDatabase;
  let admin: pg.Client;
  /** Empties the copy of the template: migrations start from nothing. */
  beforeEach(async () => {
    database = await freshDatabase();
    admin = new pg.Client({ connectionString: database.urls.admin });
    await admin.connect();
    await admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION mandate_owner');
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });
  const run = (migrations = shipped) => migrate({ ownerUrl: database.urls.owner, migrations, ...times });

  test('applied once, then nothing is left to do', async () => {
    expect(await pendingMigrations(database.urls.owner)).toEqual(shipped.map((m) => m.name));
    expect(await run()).toEqual(shipped.map((m) => m.name));
    expect(await run()).toEqual([]);
    expect(await pendingMigrations(database.urls.owner)).toEqual([]);
    expect(await pendingMigrations(database.urls.server)).toEqual([]);
  });

  test('four at once apply each migration once', async () => {
    const answers = await Promise.all([run(), run(), run(), run()]);
    expect(answers.flat()).toEqual(shipped.map((m) => m.name));
    const { rows } = await admin.query('SELECT count(*)::int AS n FROM _prisma_migrations');
    expect(rows[0].n).toBe(shipped.length);
  });

  test('a failing migration is rolled back whole, and its failure stays in the way', async () => {
    const bad = migration('0009_bad', 'CREATE TABLE half (x int); SELECT 1/0;');
    await expect(run([...shipped, bad])).rejects.toMatchObject({ code: 'E_DB_MIGRATION', explanation: { saw: 'migration 0009_bad' } });
    expect((await admin.query("SELECT to_regclass('half') AS half")).rows[0].half).toBeNull();
    await expect(run([...shipped, migration('0009_bad', 'SELECT 1')])).rejects.toMatchObject({ code: 'E_DB_MIGRATION' });
    await admin.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '0009_bad'");
    expect(await run([...shipped, migration('0009_bad', 'SELECT 1')])).toEqual(['0009_bad']);
  });

  test('an edited migration and a newer schema are refused, by the runner and by the server', async () => {
    await run();
    await expect(run(shipped.map((m) => ({ ...m, checksum: 'f'.repeat(64) })))).rejects.toMatchObject({ code: 'E_DB_SCHEMA' });
    await admin.query("INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'y', '9999_newer', now())");
    await expect(run()).rejects.toMatchObject({ code: 'E_DB_SCHEMA' });
    const server = { url: database.urls.server, clock: systemClock, log: silentLog };
    await expect(openLineage(server)).rejects.toMatchObject({ code: 'E_DB_SCHEMA' });
    await admin.query("DELETE FROM _prisma_migrations WHERE migration_name = '9999_newer'");
    await (await openLineage(server)).close();
  });

  test('a server meets a schema that was never migrated', async () => {
    await expect(openLineage({ url: database.urls.server, clock: systemClock, log: silentLog })).rejects.toMatchObject({
      code: 'E_DB_SCHEMA',
    });
  });

  test('schema.prisma and the migrations describe the same tables', async () => {
    await run();
    const root = path.resolve(__dirname, '../..');
    const args = [
      'node_modules/prisma/build/index.js',
      'migrate',
      'diff',
      '--from-config-datasource',
      '--to-schema',
      'prisma/schema.prisma',
      '--script',
    ];
    const script = execFileSync(process.execPath, args, {
      cwd: root,
      env: { ...process.env, DATABASE_URL: database.urls.owner },
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(script).toContain('This is an empty migration');
  });
});
