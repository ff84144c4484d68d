import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startCluster } from '../src/lineage/cluster';
import { migrate } from '../src/lineage/migrate';
import { systemClock } from '../src/system/clock';
import { systemRandom } from '../src/system/random';
import { databaseAccount } from './cluster-account';
import { silentLog } from './silent-log';

/**
 * One PostgreSQL for all test files, with a migrated database that each file clones (fresh-database.ts). fsync stays on: every
 * connection of ours refuses a database without it, and there is no way round that for tests either.
 */
export default async function globalSetup(): Promise<void> {
  const state = mkdtempSync(path.join(tmpdir(), 'mandate-test-'));
  chmodSync(state, 0o711);
  mkdirSync(path.join(state, 'run'), { mode: 0o711 });
  const password = systemRandom.bytes(24).toString('hex');
  const cluster = await startCluster({
    layout: {
      state,
      database: `${state}/database`,
      databaseRun: `${state}/run/db`,
      secrets: `${state}/secrets`,
      logs: `${state}/log`,
    },
    ...databaseAccount(),
    random: systemRandom,
    clock: systemClock,
    log: silentLog,
    settings: { max_connections: '200' },
    statements: [`CREATE ROLE tester SUPERUSER LOGIN PASSWORD '${password}';`],
  });
  await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
  const admin = new URL(cluster.urls.owner);
  admin.username = 'tester';
  admin.password = password;
  const client = new pg.Client({ connectionString: admin.toString() });
  await client.connect();
  // Partitions for the tests' own days are part of the template; making them takes longer than cloning.
  await client.query('SELECT lineage_partitions(current_date - 1, 5)');
  await client.end();
  process.env['MANDATE_TEST_DATABASE'] = JSON.stringify({ admin: admin.toString(), urls: cluster.urls });
  Object.assign(globalThis, { mandateTestCluster: { cluster, state } });
}
