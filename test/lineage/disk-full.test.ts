import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { openLineage } from '../../src/lineage/lineage';
import { migrate } from '../../src/lineage/migrate';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { silentLog } from '../silent-log';
import { credential } from './lineage-rows';
import { ScratchCluster } from './scratch-cluster';

const scratch = new ScratchCluster();
const mounted =
  process.getuid?.() === 0 &&
  (mkdirSync(scratch.layout.database),
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=120m,mode=0711', 'tmpfs', scratch.layout.database]).status === 0);
if (!mounted) console.info('no tmpfs can be mounted here (needs root): the disk is not filled');

afterAll(async () => {
  await scratch.end().catch(() => undefined);
  if (mounted) execFileSync('umount', ['-l', scratch.layout.database]);
  rmSync(scratch.state, { recursive: true, force: true });
});

(mounted ? test : test.skip)('a full disk refuses with a code, loses nothing, and is over when there is space again', async () => {
  chmodSync(scratch.layout.database, 0o711);
  const settings = { max_wal_size: '32MB', min_wal_size: '32MB' };
  let cluster = await scratch.start({ settings });
  await migrate({ ownerUrl: cluster.urls.owner, clock: systemClock, random: systemRandom });
  const lineage = await openLineage({ url: cluster.urls.server, clock: systemClock, log: silentLog });
  const append = async () => {
    // Random bytes: what compresses would not fill anything.
    const row = credential({ record: systemRandom.bytes(8000) });
    const outcome = await lineage.writer.append({ fact: { credential: row } }).then(
      () => 'recorded',
      (error: { code: string }) => error.code,
    );
    return { serial: row.serial, outcome };
  };
  const recorded: string[] = [(await append()).serial];

  const ballast = `${scratch.layout.database}/ballast`;
  try {
    writeFileSync(ballast, Buffer.alloc(200 * 1024 * 1024));
  } catch {
    // It fills what is left; that is its purpose.
  }
  const refusals = new Set<string>();
  for (let tries = 0; refusals.size === 0 && tries < 200; tries++) {
    for (const { serial, outcome } of await Promise.all(Array.from({ length: 50 }, append))) {
      if (outcome === 'recorded') recorded.push(serial);
      else refusals.add(outcome);
    }
  }
  for (const code of refusals) expect(['E_LINEAGE_NOT_DURABLE', 'E_DB_DOWN']).toContain(code);
  expect(refusals.size).toBeGreaterThan(0);

  rmSync(ballast);
  // PostgreSQL may have ended over it: then its supervisor starts it again.
  const ended = await Promise.race([cluster.exited.then(() => true), append().then(() => false)]);
  if (ended) cluster = await scratch.start({ settings });
  let outcome = '';
  for (let tries = 0; outcome !== 'recorded' && tries < 100; tries++) {
    const answer = await append();
    outcome = answer.outcome;
    if (outcome === 'recorded') recorded.push(answer.serial);
    else await new Promise((resolve) => setTimeout(resolve, 100)); // recovery takes its time; the number of tries decides, not the clock
  }
  expect(outcome).toBe('recorded');
  const missing = [];
  for (const serial of recorded) if ((await lineage.reader.chain(serial)) === undefined) missing.push(serial);
  expect(missing).toEqual([]);
  await lineage.close();
});
