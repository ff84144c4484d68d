import pg from 'pg';
import { openDatabase } from '../../src/lineage/connection';
import { openLineage } from '../../src/lineage/lineage';
import { migrate } from '../../src/lineage/migrate';
import { PostgresLineageReader } from '../../src/lineage/reader';
import { PostgresLineageWriter } from '../../src/lineage/writer';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';
import { credential, event } from './lineage-rows';
import { ScratchCluster } from './scratch-cluster';

const services = (url: string) => ({ url, clock: systemClock, log: silentLog });

describe('a server that loses what it has acknowledged is refused', () => {
  let scratch: ScratchCluster;
  beforeAll(async () => {
    scratch = new ScratchCluster();
    const cluster = await scratch.start();
    await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
    await cluster.stop();
  });
  afterAll(() => scratch.end());

  test.each([
    [{ fsync: 'off' }, 'fsync = off'],
    [{ full_page_writes: 'off' }, 'full_page_writes = off'],
    [{ default_transaction_read_only: 'on' }, 'transaction_read_only = on'],
  ])('%j', async (settings, saw) => {
    const cluster = await scratch.start({ settings });
    const refusal = { code: 'E_DB_UNSAFE', explanation: { saw, fix: expect.any(String) } };
    await expect(openLineage(services(cluster.urls.server))).rejects.toMatchObject(refusal);
    // Also where it became so behind a server that runs: each new connection asks again.
    const writer = new PostgresLineageWriter(services(cluster.urls.server));
    await expect(writer.append({ fact: { credential: credential() } })).rejects.toMatchObject(refusal);
    await writer.close();
    const database = openDatabase(cluster.urls.server);
    await expect(new PostgresLineageReader(database).device('x')).rejects.toMatchObject(refusal);
    await database.close();
    await cluster.stop();
  });

  test.each([
    ['off', 'on'],
    ['local', 'on'],
    ['remote_write', 'on'],
    ['remote_apply', 'remote_apply'],
  ])('synchronous_commit = %s of the server is %s on our connections', async (value, ours) => {
    const cluster = await scratch.start({ settings: { synchronous_commit: value } });
    const lineage = await openLineage(services(cluster.urls.server));
    await lineage.writer.append({ fact: { event: event() } });
    const database = openDatabase(cluster.urls.server, 1);
    const rows = await database.prisma.$queryRaw<{ synchronous_commit: string }[]>`SHOW synchronous_commit`;
    expect(rows).toEqual([{ synchronous_commit: ours }]);
    await database.close();
    await lineage.close();
    await cluster.stop();
  });
});

describe('on a shared server', () => {
  let database: FreshDatabase;
  let admin: pg.Client;
  beforeEach(async () => {
    database = await freshDatabase();
    admin = new pg.Client({ connectionString: database.urls.admin });
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  test('an UNLOGGED table is refused by name', async () => {
    await admin.query('ALTER TABLE ended SET UNLOGGED');
    await expect(openLineage(services(database.urls.server))).rejects.toMatchObject({
      code: 'E_DB_UNSAFE',
      explanation: { saw: 'UNLOGGED table ended' },
    });
  });

  test('neither the database nor the role lowers synchronous_commit or moves the time zone', async () => {
    await admin.query(`ALTER DATABASE ${database.name} SET synchronous_commit = off`);
    await admin.query(`ALTER DATABASE ${database.name} SET timezone = 'Asia/Tokyo'`);
    const lineage = await openLineage(services(database.urls.server));
    const row = credential({ issuedAtMs: Date.UTC(2026, 10, 21, 23, 59, 59, 999) });
    await admin.query("SELECT lineage_partitions('2026-11-21', 1)");
    await lineage.writer.append({ fact: { credential: row } });
    const stored = await admin.query('SELECT day::text, extract(epoch FROM issued_at) * 1000 AS ms FROM credential WHERE serial = $1', [
      row.serial,
    ]);
    expect(stored.rows.map(({ day, ms }) => [day, Number(ms)])).toEqual([['2026-11-21', row.issuedAtMs]]);
    expect((await lineage.reader.chain(row.serial))?.credential.issuedAtMs).toBe(row.issuedAtMs);
    await lineage.close();
  });

  test('a database that went away and came back needs no restart of ours', async () => {
    const lineage = await openLineage(services(database.urls.server));
    const other = await freshDatabase();
    const elsewhere = new pg.Client({ connectionString: other.urls.admin });
    await elsewhere.connect();
    await lineage.reader.device('x');
    await admin.end();
    await elsewhere.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS false`);
    await elsewhere.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database.name]);
    await expect(lineage.reader.device('x')).rejects.toMatchObject({ code: 'E_DB_DOWN' });
    await expect(lineage.rules.current()).rejects.toMatchObject({ code: 'E_DB_DOWN' });
    await elsewhere.query(`ALTER DATABASE ${database.name} ALLOW_CONNECTIONS true`);
    expect(await lineage.reader.device('x')).toBeUndefined();
    await lineage.writer.append({ fact: { event: event() } }).catch(() => undefined); // may have met the end of its connection
    await lineage.writer.append({ fact: { event: event() } });
    await lineage.close();
    await elsewhere.end();
    await other.drop();
    admin = new pg.Client({ connectionString: database.urls.admin });
    await admin.connect();
  });

  test.each([
    ['a wrong password', (url: URL) => (url.password = 'hunter2'), 'E_DB_URL'],
    ['no such database', (url: URL) => (url.pathname = '/nowhere'), 'E_DB_URL'],
    ['nobody listening', (url: URL) => url.searchParams.set('host', '/nonexistent'), 'E_DB_DOWN'],
  ])('%s', async (_name, change, code) => {
    const url = new URL(database.urls.server);
    change(url);
    const error: unknown = await openLineage(services(url.toString())).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify((error as { explanation: object }).explanation)).not.toContain(url.password);
  });
});
