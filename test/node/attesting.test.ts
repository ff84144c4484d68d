import type { Attestor } from '../../src/domain/attestation';
import { Attesting } from '../../src/node/attesting';
import { Holding } from '../../src/node/holding';
import { LaunchGroups } from '../../src/node/launch-groups';
import { Members } from '../../src/node/members';
import { Served } from '../../src/node/served';
import { systemClock } from '../../src/system/clock';
import { FileHashing } from '../../src/system/file-hasher';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { quiet } from '../system/peers';

test('a process that asks for files while it is looked at is not given what was seen for a socket', async () => {
  const readiness = new Readiness(quiet);
  const hasher = new FileHashing(systemClock);
  const pinned = new PinnedProcesses(readiness).fromPid(process.pid);
  const served = new Served(pinned, '0'.repeat(32));
  const asksMeanwhile: Attestor = {
    name: 'host',
    attest: () => {
      served.deliverToFiles();
      return Promise.resolve([]);
    },
  };
  const attesting = new Attesting({
    members: new Members({ populated: () => true, ended: () => undefined }),
    groups: new LaunchGroups({ missing: 'none here' }, () => undefined, quiet),
    ownUids: { view: () => undefined },
    attestors: [asksMeanwhile],
    hasher,
    holding: new Holding({ holders: () => Promise.reject(new Error('nobody asked')) }, systemClock),
    reader: { send: () => undefined, collect: () => undefined },
    clock: systemClock,
    hold: () => undefined,
  });
  try {
    // This one is in no launch, and files are for launches.
    await expect(attesting.of(served)).rejects.toMatchObject({ code: 'E_REQUEST' });
    expect(served.evidence).toBeUndefined();
  } finally {
    pinned.release();
    await Promise.all([hasher.close(), readiness.close()]);
  }
});
