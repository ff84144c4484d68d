import { harden } from '../system/harden';
import { binaryAttestor } from '../../attestors/binary';
import { launchAttestor } from '../../attestors/launch';
import { userAttestor } from '../../attestors/user';
import type { NodeStart, ToNode } from '../domain/child-protocol';
import { startNode } from '../node/node';
import { fileAccounts } from '../system/accounts';
import { systemClock } from '../system/clock';
import { systemRandom } from '../system/random';
import { PinnedProcesses } from '../system/processes';
import { Readiness } from '../system/readiness';
import { superviseSelf, tell } from './child';
import { jsonLog } from './log';

/** The node: sockets for agents and /proc, no authority key and no database. */
export function nodeEntry(): Promise<void> {
  harden();
  const log = jsonLog('node', process.env['MANDATE_LOG']);
  superviseSelf<ToNode>(
    log,
    ({ start }) => run(start),
    () => undefined,
  );
  tell({ type: 'loaded' });
  return Promise.resolve();

  async function run({ layout, version }: NodeStart) {
    const readiness = new Readiness(log);
    const accounts = fileAccounts();
    const hasher = new WorkerHasher();
    let linked: () => void = () => undefined;
    const up = new Promise<void>((resolve) => {
      linked = resolve;
    });
    const node = await startNode({
      layout,
      version,
      uid: process.geteuid?.() ?? -1,
      device: thisDevice(),
      attestors: [userAttestor(accounts), binaryAttestor(hasher), launchAttestor()],
      accounts,
      hasher,
      processes: new PinnedProcesses(readiness),
      readiness,
      validate: async (token, audience, trust) => verifyLocally(token, audience, trust),
      clock: systemClock,
      random: systemRandom,
      log,
      onReady: linked,
    });
    await up;
    return node;
  }
}
