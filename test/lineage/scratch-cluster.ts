import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/lineage/cluster';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { databaseAccount } from '../cluster-account';
import { silentLog } from '../silent-log';

/** A state folder of a test's own, in which clusters are started and stopped; `end` leaves nothing behind. */
export class ScratchCluster {
  readonly state = mkdtempSync(path.join(tmpdir(), 'mandate-db-'));
  readonly layout = {
    state: this.state,
    database: `${this.state}/database`,
    databaseRun: `${this.state}/run/db`,
    secrets: `${this.state}/secrets`,
    logs: `${this.state}/log`,
  };
  readonly data = `${this.layout.database}/data`;
  readonly #started: Cluster[] = [];

  constructor() {
    chmodSync(this.state, 0o711);
    mkdirSync(`${this.state}/run`, { mode: 0o711 });
  }

  /** Takes over what another cluster, stopped by now, has on disk: faster than a first start. */
  copyFrom(other: ScratchCluster): void {
    for (const name of ['database', 'secrets']) execFileSync('cp', ['-a', `${other.state}/${name}`, `${this.state}/${name}`]);
  }

  async start(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
    const own = { layout: this.layout, ...databaseAccount(), random: systemRandom, clock: systemClock, log: silentLog };
    const cluster = await startCluster({ ...own, ...options });
    this.#started.push(cluster);
    return cluster;
  }

  async end(): Promise<void> {
    for (const cluster of this.#started) await cluster.stop();
    rmSync(this.state, { recursive: true, force: true });
  }
}
