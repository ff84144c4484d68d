import { CONFIGURATION } from '../../src/domain/configuration';
import { encodeEvidence } from '../../src/domain/evidence';
import type { Chain, LineageEntry } from '../../src/domain/lineage';
import { type Lineage, openLineage } from '../../src/lineage/lineage';
import { systemClock } from '../../src/system/clock';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { evidence as sampleEvidence } from '../domain/samples';
import { silentLog } from '../silent-log';
import { agent, credential, delegation, device, event, evidence, id, launch, now, person, process_ } from './lineage-rows';

let database: FreshDatabase;
let lineage: Lineage;

beforeAll(async () => {
  database = await freshDatabase();
  lineage = await openLineage({ url: database.urls.server, clock: systemClock, log: silentLog });
});
afterAll(async () => {
  await lineage.close();
  await database.drop();
});

/** One launch of one human, written as the server writes it. */
async function launched(options: { uid?: number; deviceRow?: ReturnType<typeof device>; pid?: number } = {}) {
  const uid = options.uid ?? 1000;
  const host = options.deviceRow ?? device();
  const human = person(host.id, { uid, name: `user-${uid}` });
  const agentId = id();
  const grant = delegation(agentId, human.id);
  const opened = launch(agentId, host.id, { uid });
  const who = agent(host.id, grant.id, { id: agentId, launchId: opened.id });
  const seen = evidence(opened.processKey);
  const running = process_(host.id, agentId, seen.digest, { key: opened.processKey, launchId: opened.id, uid, pid: options.pid ?? 41207 });
  const entry: LineageEntry = {
    fact: { event: event({ kind: 'launch-opened', agentId, processKey: running.key }) },
    devices: [host],
    persons: [human],
    evidence: [seen],
    delegations: [grant],
    agents: [who],
    launches: [opened],
    processes: [running],
  };
  await lineage.writer.append(entry);
  return { host, human, grant, opened, who, seen, running };
}

const issue = async (to: Awaited<ReturnType<typeof launched>>, over: Parameters<typeof credential>[0] = {}) => {
  const row = credential({
    processKey: to.running.key,
    agentId: to.who.id,
    delegationId: to.grant.id,
    evidenceDigest: to.seen.digest,
    deviceId: to.host.id,
    ...over,
  });
  await lineage.writer.append({ fact: { credential: row } });
  return row;
};

test('a chain holds every row as it was written', async () => {
  const all = await launched();
  const authority = {
    keyId: 'cd'.repeat(20),
    kind: 'x509' as const,
    stage: 'active' as const,
    public: Buffer.from([1, 2, 3]),
    notBeforeMs: now(),
    notAfterMs: now() + 1000,
    preparedAtMs: now(),
    activatedAtMs: now(),
    retiredAtMs: null,
    taintedAtMs: null,
    revokedAtMs: null,
    early: false,
  };
  await lineage.authorities.add(authority);
  const row = await issue(all, {
    authorityKeyId: authority.keyId,
    kind: 'jwt-svid',
    audience: ['https://a.example', 'b"c\\d'],
    publicKeySha256: null,
  });
  const ended = { kind: 'process' as const, id: all.running.key, atMs: now(), reason: 'exited' };
  await lineage.writer.append({ fact: { event: event({ kind: 'ended' }) }, ended: [ended] });

  const chain = (await lineage.reader.chain(row.serial)) as Chain;
  const { recordedAtMs, ...stored } = chain.credential;
  expect(stored).toEqual(row);
  expect(recordedAtMs).toBeGreaterThanOrEqual(row.issuedAtMs);
  expect(chain).toMatchObject({
    evidence: all.seen,
    process: all.running,
    agent: all.who,
    launch: all.opened,
    delegations: [all.grant],
    person: all.human,
    device: all.host,
    authority,
    ended: [ended],
  });
});

test('a chain of sub-agents is read from the agent to the root', async () => {
  const all = await launched();
  const child = id();
  const middle = delegation(child, null, { parentId: all.grant.id });
  const leaf = delegation(child, null, { parentId: middle.id });
  await lineage.writer.append({ fact: { event: event() }, delegations: [middle] });
  await lineage.writer.append({ fact: { event: event() }, delegations: [leaf] });
  const row = await issue(all, { delegationId: leaf.id });
  const chain = (await lineage.reader.chain(row.serial)) as Chain;
  expect(chain.delegations).toEqual([leaf, middle, { ...all.grant }]);
  expect(chain.person).toEqual(all.human);
});

test.each([
  ['nothing', ''],
  ['no hex', 'zz'],
  ['an unknown serial', '0'.repeat(32)],
  ['upper case', 'F'.repeat(32)],
  ['a NUL', `${'0'.repeat(31)}\0`],
  ['ten thousand digits', '0'.repeat(10_000)],
  ['SQL', "' OR true --"],
])('no chain for %s', async (_name, serial) => {
  expect(await lineage.reader.chain(serial)).toBeUndefined();
});

test('credentials are found by prefix and by pid, newest first', async () => {
  const all = await launched({ pid: 777 });
  const first = await issue(all, { serial: `abcdef01${'0'.repeat(24)}`, issuedAtMs: now() - 5000 });
  const second = await issue(all, { serial: `abcdef02${'f'.repeat(24)}`, issuedAtMs: now() - 1000 });
  const serials = async (prefix: string, limit = 10) => (await lineage.reader.credentialsByPrefix(prefix, limit)).map((row) => row.serial);
  expect(await serials('abcdef0')).toEqual([second.serial, first.serial]);
  expect(await serials('abcdef0', 1)).toEqual([second.serial]);
  expect(await serials('abcdef01')).toEqual([first.serial]);
  expect(await serials(second.serial)).toEqual([second.serial]);
  for (const nothing of ['abc', 'abcdefz', '', 'abcd-ef0', '0'.repeat(33)]) expect(await serials(nothing)).toEqual([]);
  expect((await lineage.reader.credentialsByPid(all.host.id, 777, 10)).map((row) => row.serial)).toEqual([second.serial, first.serial]);
  for (const pid of [778, 0, -1, 2 ** 31, 1.5]) expect(await lineage.reader.credentialsByPid(all.host.id, pid, 10)).toEqual([]);
});

test('agents are listed by state and user and found by reference', async () => {
  const host = device();
  const one = await launched({ uid: 2001, deviceRow: host });
  const two = await launched({ uid: 2002, deviceRow: host });
  const latest = await issue(two);
  const names = async (filter: { ended: boolean; uid?: number }) => (await lineage.reader.agents(filter, 100)).map((row) => row.agent.name);
  expect(await names({ ended: false, uid: 2001 })).toEqual([one.who.name]);
  const [summary] = await lineage.reader.agents({ ended: false, uid: 2002 }, 1);
  expect(summary).toMatchObject({
    agent: two.who,
    launch: two.opened,
    delegation: two.grant,
    person: two.human,
    processes: [two.running],
    endedAtMs: null,
  });
  expect(summary?.latest?.serial).toBe(latest.serial);

  const atMs = now();
  await lineage.writer.append({
    fact: { event: event({ kind: 'ended' }) },
    ended: [
      { kind: 'agent', id: one.who.id, atMs, reason: 'exited' },
      { kind: 'launch', id: one.opened.id, atMs, reason: 'exited' },
    ],
  });
  expect(await names({ ended: false, uid: 2001 })).toEqual([]);
  expect(await names({ ended: true, uid: 2001 })).toEqual([one.who.name]);
  expect(await names({ ended: true, uid: 2002 })).toEqual([two.who.name]);
  expect((await lineage.reader.agents({ ended: true, uid: 2001 }, 1))[0]?.endedAtMs).toBe(atMs);

  for (const reference of [two.who.id, two.who.name, two.who.name.slice(0, -1)]) {
    const found = await lineage.reader.agentsByReference(reference, 10);
    expect(found.map((row) => row.agent.id)).toContain(two.who.id);
  }
  for (const reference of ['', 'x', 'nobody-here', "'; DROP TABLE agent --", '%', 'hel\0lo'.repeat(100)]) {
    expect(await lineage.reader.agentsByReference(reference, 10)).toEqual([]);
  }
});

test('devices and persons are found by what identifies them', async () => {
  const all = await launched({ uid: 3001 });
  expect(await lineage.reader.device(all.host.machineId)).toEqual({ id: all.host.id });
  expect(await lineage.reader.device('unknown')).toBeUndefined();
  expect(await lineage.reader.person(all.host.id, 3001, 'user-3001')).toEqual({ id: all.human.id });
  expect(await lineage.reader.person(all.host.id, 3001, 'other')).toBeUndefined();
});

describe('what governed a process', () => {
  const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
  const saying = (processKey: string, seenAtMs: number, facts: Record<string, string>) => {
    const { bytes, digest } = encodeEvidence(sampleEvidence(facts, { processKey }));
    return { digest, canonical: bytes, processKey, seenAtMs };
  };
  const changed = (processKey: string, atMs: number, nowSha256: string) =>
    event({
      kind: 'configuration-changed',
      processKey,
      atMs,
      record: Buffer.from(JSON.stringify({ v: 1, data: { firstSha256: A, nowSha256 } })),
    });
  const add = (rows: ReturnType<typeof saying>[], what = event()) => lineage.writer.append({ fact: { event: what }, evidence: rows });

  test('is what its first evidence with a digest says; a text that only looks like one says nothing', async () => {
    const [plain, governed, quoting] = [id(), id(), id()];
    await add([
      saying(plain, 1_000, { 'user.uid': '1' }),
      saying(governed, 1_000, { 'user.uid': '1' }),
      saying(governed, 2_000, { [CONFIGURATION]: A }),
      saying(quoting, 1_000, { 'binary.path': `["${CONFIGURATION}","${B}","observed"]` }),
    ]);
    await add([saying(governed, 3_000, { [CONFIGURATION]: A, 'user.uid': '2' })]);
    expect(await lineage.reader.governed([plain, governed, quoting, 'nobody'])).toEqual([
      { processKey: governed, first: A, last: A, changedAtMs: null },
    ]);
    expect(await lineage.reader.governed([])).toEqual([]);
  });

  test('has changed from its first change on, whatever it is now', async () => {
    const key = id();
    const atMs = now();
    await add([saying(key, atMs - 1_000, { [CONFIGURATION]: A })]);
    await add([saying(key, atMs, { [CONFIGURATION]: B })], changed(key, atMs, B));
    await add([saying(key, atMs + 1_000, { [CONFIGURATION]: C })], changed(key, atMs + 1_000, C));
    expect(await lineage.reader.governed([key])).toEqual([{ processKey: key, first: A, last: C, changedAtMs: atMs }]);
  });
});
