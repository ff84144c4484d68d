import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { FederationRow } from '../../src/domain/federation';
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

const row = (trustDomain: string, over: Partial<FederationRow> = {}): FederationRow => ({
  id: randomUUID(),
  trustDomain,
  url: 'https://x.example/',
  profile: 'https_spiffe',
  endpointId: 'spiffe://x.example/e',
  webCa: null,
  author: 'ana',
  addedAtMs: 1000,
  document: { bytes: Buffer.from('{}'), atMs: 2000, fetched: false },
  ...over,
});

test('FD-31, FD-34: what was added comes back with its newest document; what ended does not, and its document is gone', async () => {
  const [b, a] = [row('b.example'), row('a.example', { profile: 'https_web', endpointId: null, webCa: 'pem', document: null })];
  await lineage.federation.add(b, 9);
  await lineage.federation.add(a, 9);
  expect(await lineage.federation.current()).toEqual([a, b]);
  const document = { bytes: Buffer.from('{"keys":[]}'), atMs: 3000, fetched: true };
  expect(await lineage.federation.replace(b.id, document)).toBe(true);
  expect(await lineage.federation.current()).toEqual([a, { ...b, document }]);
  expect(await lineage.federation.remove(b.id, 4000)).toBe(true);
  expect([await lineage.federation.remove(b.id, 5000), await lineage.federation.replace(b.id, document)]).toEqual([false, false]);
  expect(await lineage.federation.current()).toEqual([a]);
  await lineage.federation.add(row('b.example'), 9);
  expect(await lineage.federation.current()).toHaveLength(2);
});

test('FD-35: one relationship for one trust domain, also of two who add at once; and no more than there may be', async () => {
  const outcomes = await Promise.allSettled([lineage.federation.add(row('c.example'), 9), lineage.federation.add(row('c.example'), 9)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(lineage.federation.add(row('c.example'), 9)).rejects.toMatchObject({ code: 'E_FEDERATION_EXISTS' });
  await expect(lineage.federation.add(row('d.example'), 3)).rejects.toMatchObject({ code: 'E_FEDERATION_INVALID' });
});

test('what a relationship is can be changed by nobody of the server, and no row can go', async () => {
  const server = new pg.Client({ connectionString: database.urls.server });
  await server.connect();
  try {
    await expect(server.query(`UPDATE federation SET url = 'https://evil.example'`)).rejects.toThrow('permission denied');
    await expect(server.query('DELETE FROM federation')).rejects.toThrow('permission denied');
  } finally {
    await server.end();
  }
});
