import { harden } from '../system/harden';
import type { NodeStart, ToNode } from '../domain/child-protocol';
import { PLACES } from '../domain/known-agents';
import type { JsonObject } from '@bufbuild/protobuf';
import { startNode } from '../node/node';
import type { Trust } from '../node/trust';
import { RunningScripts } from '../domain/running-script';
import { fileHomes } from '../system/accounts';
import { PatientReading } from '../system/patient-reading';
import { openGroupTree } from '../system/group-tree';
import { systemClock } from '../system/clock';
import { FileHashing } from '../system/file-hasher';
import { readHostFacts } from '../system/host-facts';
import { systemRandom } from '../system/random';
import { PinnedProcesses } from '../system/processes';
import { Readiness } from '../system/readiness';
import { verifyJwtSvid } from '../verify/jwt-svid';
import { parseBundle } from '../verify/trust-bundle';
import { attestorsOf, recentAccounts } from './attestors';
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
    const accounts = recentAccounts(systemClock);
    const hasher = new FileHashing(systemClock);
    const reader = new PatientReading(systemClock, PLACES);
    const scripts = new RunningScripts(reader);
    const homes = fileHomes();
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
      attestors: attestorsOf({ accounts, hasher, host, reader, scripts, homes, clock: systemClock }),
      accounts,
      hasher,
      reader,
      measuring: { reader, scripts, homes },
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
