import type { ManifestRow, StatementRow } from '../../src/domain/manifest';
import { type Lineage, openLineage } from '../../src/lineage/lineage';
import { systemClock } from '../../src/system/clock';
import { type FreshDatabase, freshDatabase } from '../fresh-database';
import { silentLog } from '../silent-log';

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

const statement = (version: number, over: Partial<StatementRow> = {}): StatementRow => ({
  version,
  envelope: `{"v":${version}}`,
  statementSha256: version.toString(16).padStart(64, '0'),
  author: 'ana',
  acceptedAtMs: version * 1000,
  ...over,
});
const manifest = (name: string, over: Partial<ManifestRow> = {}): ManifestRow => ({
  name,
  kind: 'releases',
  keys: [
    { fromVersion: 1, form: 'ed25519', bytes: Buffer.alloc(32, 1) },
    { fromVersion: 1, form: 'ssh-ed25519', bytes: Buffer.alloc(32, 1) },
  ],
  author: 'ana',
  addedAtMs: 1000,
  statements: [statement(1)],
  ...over,
});
const versions = async (name: string, most = 10) => (await lineage.manifests.read(most, name))[0]!.statements.map(({ version }) => version);

test('what was added comes back, by name and among the others', async () => {
  await lineage.manifests.add(manifest('b'), 9);
  await lineage.manifests.add(manifest('a', { kind: 'configuration' }), 9);
  expect(await lineage.manifests.read(10, 'b')).toEqual([manifest('b')]);
  expect((await lineage.manifests.read(10)).map(({ name, kind }) => [name, kind])).toEqual([
    ['a', 'configuration'],
    ['b', 'releases'],
  ]);
  expect(await lineage.manifests.read(10, 'nobody')).toEqual([]);
});

test('a name is added once, and only so many are', async () => {
  await expect(lineage.manifests.add(manifest('b'), 9)).rejects.toMatchObject({ code: 'E_MANIFEST_EXISTS' });
  const count = (await lineage.manifests.read(1)).length;
  await expect(lineage.manifests.add(manifest('too-many'), count)).rejects.toMatchObject({ code: 'E_MANIFEST_INVALID' });
  expect(await lineage.manifests.read(1, 'too-many')).toEqual([]);
});

test('versions only rise, newest first, and only so many are read', async () => {
  await lineage.manifests.add(manifest('rising'), 99);
  await lineage.manifests.append('rising', statement(5), [], 1);
  await lineage.manifests.append('rising', statement(7), [], 5);
  for (const version of [7, 6, 5, 1]) {
    await expect(lineage.manifests.append('rising', statement(version), [], 7)).rejects.toMatchObject({
      code: 'E_MANIFEST_ROLLBACK',
      explanation: { saw: `v${version}`, why: 'v7 is in force' },
    });
  }
  expect(await versions('rising')).toEqual([7, 5, 1]);
  expect(await versions('rising', 2)).toEqual([7, 5]);
});

test('of callers at once with one version, one is accepted', async () => {
  await lineage.manifests.add(manifest('busy'), 99);
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) => lineage.manifests.append('busy', statement(2, { author: `${i}` }), [], 1)),
  );
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await versions('busy')).toEqual([2, 1]);
});

test('keys come with a statement, beside those of before, and only where nothing else came meanwhile', async () => {
  const key = { fromVersion: 2, form: 'ed25519' as const, bytes: Buffer.alloc(32, 1) };
  await lineage.manifests.add(manifest('handed'), 99);
  await lineage.manifests.append('handed', statement(2), [key], 1);
  await expect(lineage.manifests.append('handed', statement(3), [{ ...key, fromVersion: 4 }], 1)).rejects.toMatchObject({
    code: 'E_MANIFEST_ROLLBACK',
    explanation: { saw: 'v2 came meanwhile' },
  });
  const [row] = await lineage.manifests.read(9, 'handed');
  expect(row!.keys).toEqual(expect.arrayContaining([...manifest('handed').keys, key]));
  expect(row!.keys).toHaveLength(3);
  expect(await versions('handed')).toEqual([2, 1]);
});

test('all of an addition or nothing', async () => {
  const broken = manifest('broken', { statements: [statement(1, { statementSha256: 'abcd' })] }); // not 32 bytes: refused by the table
  await expect(lineage.manifests.add(broken, 99)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  expect(await lineage.manifests.read(1, 'broken')).toEqual([]);
});
