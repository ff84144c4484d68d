import { existsSync } from 'node:fs';
import { freshDatabase } from '../fresh-database';
import { descendantsOf, lives } from '../supervision/proc';
import { Running } from '../supervision/running';

interface Opened {
  readonly kind: string;
  readonly code: string | null;
  readonly processKey: string | null;
  readonly data: { readonly verb: string; readonly pid: number; readonly uid: number };
}

let running: Running;

beforeAll(async () => {
  running = await Running.start();
});
afterAll(() => running.end());

async function opened(): Promise<Opened[]> {
  const reader = await running.reader();
  try {
    const { rows } = await reader.query<{ record: Buffer }>("SELECT record FROM event WHERE kind = 'database-opened' ORDER BY at, id");
    return rows.map(({ record }) => JSON.parse(record.toString('utf8')) as Opened);
  } finally {
    await reader.end();
  }
}

test('an administrator who opens the database is on record before it is opened', async () => {
  expect(await opened()).toEqual([]);
  expect((await running.cli(['db', 'status'])).code).toBe(0);
  expect((await running.cli(['db', 'migrate'])).code).toBe(0);
  const events = await opened();
  expect(events.map(({ data }) => data.verb)).toEqual(['db status', 'db migrate']);
  for (const { code, processKey, data } of events) {
    expect(code).toBeNull();
    expect(processKey).toMatch(/^[0-9a-f-]{36}:\d+/);
    expect(data.uid).toBe(process.geteuid?.());
    expect(data.pid).toBeGreaterThan(1);
  }
  expect(new Set(events.map(({ data }) => data.pid)).size).toBe(2);
  // psql, which runs past the server, finds the event of its own start.
  if (!existsSync('/usr/bin/psql')) return void process.stdout.write('database-opened.test.ts: psql is not installed\n');
  const sql =
    "select count(*) from event where kind = 'database-opened' and convert_from(record, 'UTF8')::json->'data'->>'verb' = 'db psql'";
  expect((await running.cli(['db', 'psql', '--', '-Atc', sql])).stdout).toBe('1\n');
});

test('what changes and opens nothing is not an opening', async () => {
  const before = (await opened()).length;
  expect((await running.cli(['db', 'migrate', '--print-roles'])).stdout).toContain('CREATE ROLE');
  expect((await running.cli(['status'])).code).toBe(0);
  expect(await opened()).toHaveLength(before);
});

test('what cannot be put on record is not opened', async () => {
  const another = await freshDatabase(); // it would answer: only the missing record keeps it shut
  const asked = ['db', 'status', '--db', another.urls.reader];
  expect((await running.cli(asked)).code).toBe(0);
  const { database } = running.partsNow();
  const all = [database, ...descendantsOf(database.pid)];
  for (const { pid } of all) process.kill(pid, 'SIGSTOP');
  try {
    const { code, stderr } = await running.cli(asked);
    expect([5, 8]).toContain(code);
    expect(stderr).toMatch(/E_DB_DOWN|E_LINEAGE_NOT_DURABLE|E_TIMEOUT/);
  } finally {
    for (const { pid } of all.filter(lives)) process.kill(pid, 'SIGCONT');
    await another.drop();
  }
});
