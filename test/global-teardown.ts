import { rmSync } from 'node:fs';
import type { Cluster } from '../src/lineage/cluster';

export default async function globalTeardown(): Promise<void> {
  const { mandateTestCluster } = globalThis as unknown as { mandateTestCluster: { cluster: Cluster; state: string } };
  await mandateTestCluster.cluster.stop();
  rmSync(mandateTestCluster.state, { recursive: true, force: true });
}
