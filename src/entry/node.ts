import { harden } from '../system/harden';
import { agentAttestor } from '../../attestors/agent';
import { binaryAttestor } from '../../attestors/binary';
import { cgroupAttestor } from '../../attestors/cgroup';
import { hostAttestor } from '../../attestors/host';
import { integrityAttestor } from '../../attestors/integrity';
import { launchAttestor } from '../../attestors/launch';
import { privilegeAttestor } from '../../attestors/privilege';
import { processAttestor } from '../../attestors/process';
import { scriptAttestor } from '../../attestors/script';
import { userAttestor } from '../../attestors/user';
import type { NodeStart, ToNode } from '../domain/child-protocol';
import { PLACES } from '../domain/known-agents';
import { RunningScripts } from '../domain/running-script';
import type { JsonObject } from '@bufbuild/protobuf';
import { startNode } from '../node/node';
import type { Trust } from '../node/trust';
import { openGroupTree } from '../system/group-tree';
import { fileAccounts, fileHomes } from '../system/accounts';
import { cgroupTree } from '../system/cgroup-tree';
import { systemClock } from '../system/clock';
import { FileHashing } from '../system/file-hasher';
import { readHostFacts } from '../system/host-facts';
import { ownNamespaces } from '../system/own-namespaces';
import { PatientReading } from '../system/patient-reading';
import { systemRandom } from '../system/random';
import { PinnedProcesses } from '../system/processes';
import { Readiness } from '../system/readiness';
import { RootWays } from '../system/root-ways';
import { verifyJwtSvid } from '../verify/jwt-svid';
import { parseBundle } from '../verify/trust-bundle';
import { superviseSelf, tell } from './child';
import { jsonLog } from './log';

/** ValidateJWTSVID against the keys this node was given. `aud` is always a list in the answer, numbers are doubles. */
async function validateJwtSvid(token: string, audience: string, trust: Trust): Promise<{ spiffeId: string; claims: JsonObject }> {
  const { spiffeId, claims } = await verifyJwtSvid(token, audience, parseBundle(trust.jwks, trust.trustDomain), systemClock.nowMs());
  const { aud } = claims;
  return { spiffeId, claims: { ...claims, aud: Array.isArray(aud) ? aud : [aud] } };
}

/** The node: sockets for agents and /proc, no authority key and no database. */
export function nodeEntry(): void {
  harden();
  const log = jsonLog('node', process.env['MANDATE_LOG']);
  superviseSelf<ToNode>(
    log,
    ({ start }) => run(start),
    () => undefined,
  );
  tell({ type: 'loaded' });

  async function run({ layout, version }: NodeStart) {
    const readiness = new Readiness(log);
    const accounts = fileAccounts();
    const hasher = new FileHashing(systemClock);
    const reader = new PatientReading(systemClock, PLACES);
    const scripts = new RunningScripts(reader);
    const host = readHostFacts();
    let linked: () => void = () => undefined;
    const up = new Promise<void>((resolve) => {
      linked = resolve;
    });
    const uid = process.geteuid?.() ?? -1;
    const node = await startNode({
      layout,
      version,
      uid,
      device: host,
      attestors: [
        // First those that wait for their reads, so that the others work meanwhile.
        integrityAttestor(reader, ownNamespaces()),
        scriptAttestor(scripts),
        agentAttestor(reader, scripts, fileHomes()),
        hostAttestor(host),
        userAttestor(accounts),
        binaryAttestor(hasher),
        processAttestor(),
        privilegeAttestor(new RootWays()),
        cgroupAttestor(cgroupTree()),
        launchAttestor(),
      ],
      accounts,
      hasher,
      processes: new PinnedProcesses(readiness),
      readiness,
      groupTree: openGroupTree(layout.launchGroups, uid),
      validate: validateJwtSvid,
      clock: systemClock,
      random: systemRandom,
      log,
      onReady: linked,
    });
    await up;
    return node;
  }
}
