import pg from 'pg';
import type { LineageEntry } from '../../src/domain/lineage';
import { ensurePartitions } from '../../src/lineage/partitions';
import { PostgresLineageWriter } from '../../src/lineage/writer';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';
import { DatabaseProxy, type Fault } from './database-proxy';
import { HeldClock } from './held-clock';
import { agent, credential, delegation, device, event, evidence, id, person, process_ } from './lineage-rows';

const DAY_MS = 24 * 3600 * 1000;
let database: FreshDatabase;
let admin: pg.Client;
let proxy: DatabaseProxy;
let clock: HeldClock;
let writer: PostgresLineageWriter;

beforeAll(async () => {
  database = await freshDatabase();
  admin = new pg.Client({ connectionString: database.urls.admin });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});
beforeEach(async () => {
  clock = new HeldClock();
  const started = await DatabaseProxy.start(database.urls.server);
  proxy = started.proxy;
  writer = new PostgresLineageWriter({ url: started.url, clock, log: silentLog });
});
afterEach(async () => {
  await writer.close();
  await proxy.end();
});

const oneCredential = (): LineageEntry & { fact: { credential: ReturnType<typeof credential> } } => ({
  fact: { credential: credential() },
});
const oneEvent = (): LineageEntry & { fact: { event: ReturnType<typeof event> } } => ({ fact: { event: event() } });
const key = ({ fact }: LineageEntry) => ('credential' in fact ? fact.credential.serial : fact.event.id);

async function stored(entries: readonly LineageEntry[]): Promise<number> {
  const ids = entries.map(key);
  const sql =
    'SELECT (SELECT count(*) FROM credential WHERE serial = ANY($1::uuid[])) + (SELECT count(*) FROM event WHERE id = ANY($1::uuid[])) AS n';
  return Number((await admin.query<{ n: string }>(sql, [ids])).rows[0]?.n);
}
const settled = async (promises: readonly Promise<void>[]) =>
  (await Promise.allSettled(promises)).map((result) =>
    result.status === 'fulfilled' ? 'recorded' : (result.reason as { code: string }).code,
  );

/** Lets time pass until the work is done: nothing waits for a deadline in real time. */
async function hurry<T>(work: Promise<T>): Promise<T> {
  let done = false;
  void work.finally(() => (done = true));
  while (!done) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return work;
}

test('what is queued while a statement is under way is committed together, at most 200 at a time', async () => {
  const entries = Array.from({ length: 501 }, oneCredential);
  expect(new Set(await settled(entries.map((entry) => writer.append(entry))))).toEqual(new Set(['recorded']));
  expect(await stored(entries)).toBe(501);
  expect(proxy.sent).toBeLessThanOrEqual(4);
  expect(proxy.sent).toBeGreaterThanOrEqual(3);
});

test('every kind of row is written in one statement', async () => {
  const host = device();
  const human = person(host.id);
  const agentId = id();
  const grant = delegation(agentId, human.id);
  const seen = evidence('boot:1');
  const entry: LineageEntry = {
    ...oneCredential(),
    devices: [host],
    persons: [human],
    evidence: [seen],
    delegations: [grant],
    agents: [agent(host.id, grant.id, { id: agentId })],
    processes: [process_(host.id, agentId, seen.digest)],
    ended: [{ kind: 'agent', id: agentId, atMs: clock.nowMs(), reason: 'exited' }],
  };
  // Twice the same rows, in one batch and in the next, as when requests of a new process meet.
  const again: LineageEntry = { ...entry, ...oneEvent() };
  await Promise.all([writer.append(oneCredential()), writer.append(entry), writer.append(again)]);
  expect(proxy.sent).toBe(1);
  const later: LineageEntry = { ...entry, ...oneEvent() };
  await writer.append(later);
  expect(await stored([entry, again, later])).toBe(3);
});

describe.each<[string, () => LineageEntry]>([
  ['a credential', oneCredential],
  ['an event', oneEvent],
])('%s', (_name, make) => {
  test.each<[Fault, string, number]>([
    ['lost-request', 'E_LINEAGE_NOT_DURABLE', 0],
    ['lost-answer', 'recorded', 1],
    ['hung-request', 'E_LINEAGE_NOT_DURABLE', 0],
    ['hung-answer', 'recorded', 1],
  ])('%s: %s', async (fault, outcome, rows) => {
    await writer.append(make());
    const [before, entry] = [proxy.sent, make()];
    const struck = proxy.arm(fault);
    const appended = settled([writer.append(entry)]);
    await struck;
    clock.expire();
    expect(await appended).toEqual([outcome]);
    expect(await stored([entry])).toBe(rows);
    expect(proxy.sent - before).toBe(1); // sent once, never again
    expect(proxy.lookUps).toBe(1);
    await writer.append(make()); // and the next one goes through by itself
  });

  test.each<Fault>(['lost-request', 'lost-answer'])('%s, and nobody can be asked', async (fault) => {
    await writer.append(make());
    const entry = make();
    proxy.closeOnFault = true;
    const struck = proxy.arm(fault);
    const appended = settled([writer.append(entry)]);
    await struck;
    expect(await hurry(appended)).toEqual(['E_LINEAGE_NOT_DURABLE']);
    expect(proxy.sent).toBe(2);
    proxy.closeOnFault = false;
    await proxy.listen();
    await writer.append(make());
  });
});

test('a lost answer to a batch is settled row by row', async () => {
  await writer.append(oneCredential());
  const entries = [...Array.from({ length: 20 }, oneCredential), ...Array.from({ length: 20 }, oneEvent)];
  const struck = proxy.arm('lost-answer');
  const appended = settled(entries.map((entry) => writer.append(entry)));
  await struck;
  expect(new Set(await appended)).toEqual(new Set(['recorded']));
  expect(proxy.sent).toBe(2);
  expect(await stored(entries)).toBe(40);
});

test('a database that refuses connections is down at once for all that wait, and back without a restart', async () => {
  await writer.append(oneCredential());
  await proxy.close();
  await hurry(settled([writer.append(oneCredential())])); // may have been sent before the loss was noticed
  const sent = proxy.sent;
  const entries = Array.from({ length: 450 }, oneCredential);
  expect(new Set(await settled(entries.map((entry) => writer.append(entry))))).toEqual(new Set(['E_DB_DOWN']));
  expect(proxy.sent).toBe(sent);
  await proxy.listen();
  await writer.append(oneCredential());
  expect(await stored(entries)).toBe(0);
});

test('a backend that ended while idle is replaced', async () => {
  await writer.append(oneCredential());
  const find = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mandate lineage'";
  await admin.query(`SELECT pg_terminate_backend(pid) FROM (${find}) AS p`);
  while ((await admin.query(find)).rows.length > 0);
  // The first statement may still go into the connection whose end is on its way to us.
  expect(await settled([writer.append(oneCredential())])).toEqual([expect.stringMatching(/^(recorded|E_LINEAGE_NOT_DURABLE)$/)]);
  await writer.append(oneCredential());
});

test('one refused row does not fail its neighbours', async () => {
  const twin = oneCredential();
  await writer.append(twin);
  const nul: LineageEntry = { fact: { credential: credential({ ruleName: 'a\0b' }) } };
  const surrogate: LineageEntry = { fact: { event: event({ code: '\ud800' }) } };
  const entries = [...Array.from({ length: 50 }, oneCredential), twin, nul, surrogate, ...Array.from({ length: 50 }, oneEvent)];
  const outcomes = await settled(entries.map((entry) => writer.append(entry)));
  expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(100);
  expect(outcomes.slice(50, 53)).toEqual(Array(3).fill('E_LINEAGE_NOT_DURABLE'));
  expect(await stored(entries)).toBe(101);
});

test('an entry whose rows cannot all be written leaves none of them', async () => {
  const host = device();
  const entry: LineageEntry = { ...oneEvent(), devices: [host], delegations: [delegation(id(), id())] }; // a person that is not there
  expect(await settled([writer.append(entry)])).toEqual(['E_LINEAGE_NOT_DURABLE']);
  expect(await stored([entry])).toBe(0);
  expect((await admin.query('SELECT 1 FROM device WHERE id = $1', [host.id])).rows).toEqual([]);
});

test('a day without a partition gets one, and only the first batch notices', async () => {
  clock.advance(30 * DAY_MS);
  const later = () => [
    { fact: { credential: credential({ issuedAtMs: clock.nowMs() }) } },
    { fact: { event: event({ atMs: clock.nowMs() - DAY_MS }) } },
  ];
  const first = later();
  expect(await settled(first.map((entry) => writer.append(entry)))).toEqual(['recorded', 'recorded']);
  expect(proxy.sent).toBe(2);
  await Promise.all(later().map((entry) => writer.append(entry)));
  expect(proxy.sent).toBe(3);
  expect(await stored(first)).toBe(2);

  clock.advance(4000 * DAY_MS);
  expect(await settled(later().map((entry) => writer.append(entry)))).toEqual(Array(2).fill('E_LINEAGE_NOT_DURABLE'));
});

test('maintenance makes two weeks of partitions and finds them made', async () => {
  const pool = new pg.Pool({ connectionString: database.urls.server, max: 2 });
  try {
    const day = clock.nowMs() + 100 * DAY_MS;
    expect(await Promise.all([ensurePartitions(pool, day), ensurePartitions(pool, day)]).then((made) => made.sort())).toEqual([0, 32]);
    expect(await ensurePartitions(pool, day + DAY_MS)).toBe(2);
  } finally {
    await pool.end();
  }
});

test('a full queue refuses before anything is written, and what it holds is committed', async () => {
  await writer.append(oneCredential());
  const before = Number((await admin.query('SELECT count(*) AS n FROM event')).rows[0].n);
  await admin.query('BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE');
  const outcomes = settled(Array.from({ length: 10_300 }, () => writer.append(oneEvent())));
  await new Promise((resolve) => setImmediate(resolve));
  await admin.query('COMMIT');
  const answers = await outcomes;
  const recorded = answers.filter((answer) => answer === 'recorded').length;
  expect(new Set(answers)).toEqual(new Set(['recorded', 'E_OVERLOADED']));
  expect(Number((await admin.query('SELECT count(*) AS n FROM event')).rows[0].n) - before).toBe(recorded);
});

test('a notice during the statement means that it is not durable', async () => {
  // What PostgreSQL does when it stops waiting for a standby: the commit stands, and a warning says that it is only local.
  await admin.query(
    `CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$`,
  );
  await admin.query('CREATE TRIGGER warn AFTER INSERT ON ended FOR EACH ROW EXECUTE FUNCTION warn()');
  try {
    const entry: LineageEntry = { ...oneEvent(), ended: [{ kind: 'agent', id: id(), atMs: clock.nowMs(), reason: 'x' }] };
    expect(await settled([writer.append(entry)])).toEqual(['E_LINEAGE_NOT_DURABLE']);
    expect(await settled([writer.append(oneEvent())])).toEqual(['recorded']);
  } finally {
    await admin.query('DROP FUNCTION warn() CASCADE');
  }
});

test('after close nothing is accepted', async () => {
  const last = oneCredential();
  const appended = writer.append(last);
  await writer.close();
  await appended;
  expect(await stored([last])).toBe(1);
  expect(await settled([writer.append(oneCredential())])).toEqual(['E_DB_DOWN']);
});
