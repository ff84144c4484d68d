import { MandateError } from '../domain/errors';
import { startCluster } from '../lineage/cluster';
import { migrate } from '../lineage/migrate';
import { givenPasswords } from '../lineage/secrets';
import { systemClock } from '../system/clock';
import { harden } from '../system/harden';
import { systemRandom } from '../system/random';
import { jsonLog } from './log';
import { credentials, runUnit, unitOf } from './unit';

/** The private PostgreSQL, under its own account from the first instruction on; its schema is up to date when it is ready. */
export function databaseUnitEntry(): void {
  harden();
  const log = jsonLog('database', process.env['MANDATE_LOG']);
  runUnit(log, async (fail) => {
    const { layout, accounts } = unitOf(({ database }) => database.uid);
    const cluster = await startCluster({
      layout: { ...layout, logs: `${layout.database}/log` },
      passwords: givenPasswords(credentials()),
      clientsGid: accounts.server.gid,
      random: systemRandom,
      clock: systemClock,
      log,
    });
    void cluster.exited.then(({ code, signal }) => fail(new MandateError('E_DB_DOWN', { saw: signal ?? `exit status ${code}` })));
    try {
      await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return { close: () => cluster.stop() };
  });
}
