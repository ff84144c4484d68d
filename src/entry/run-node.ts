import type { JsonObject } from '@bufbuild/protobuf';
import type { NodeStart } from '../domain/child-protocol';
import { LOADING } from '../../attestors/integrity';
import { PLACES } from '../domain/known-agents';
import type { Log } from '../domain/ports';
import { RunningScripts } from '../domain/running-script';
import { type RunningNode, startNode } from '../node/node';
import type { DomainKeys, Trust } from '../node/trust';
import { fileAccounts, fileHomes, fileLogins } from '../system/accounts';
import { openGroupTree } from '../system/group-tree';
import { systemClock } from '../system/clock';
import { FileHashing } from '../system/file-hasher';
import { readHostFacts } from '../system/host-facts';
import { systemRandom } from '../system/random';
import { whyNoOwnUids } from '../system/own-uid-rights';
import { PatientReading } from '../system/patient-reading';
import { PinnedProcesses } from '../system/processes';
import { Readiness } from '../system/readiness';
import { UidTable } from '../system/uid-table';
import { verifyJwtSvid } from '../verify/jwt-svid';
import { parseBundle, type TrustBundle } from '../verify/trust-bundle';
import { attestorsOf, recentAccounts } from './attestors';

/**
 * ValidateJWTSVID against the keys this node was given: those of our own trust domain and of the foreign ones that the asker may know. `aud`
 * is always a list in the answer, numbers are doubles.
 */
async function validateJwtSvid(
  token: string,
  audience: string,
  trust: Trust,
  federatesWith: readonly string[],
): Promise<{ spiffeId: string; claims: JsonObject }> {
  const bundles = new Map([[trust.trustDomain, jwtKeysOf(trust, trust.trustDomain)]]);
  for (const name of federatesWith) {
    const keys = trust.foreign.get(name);
    if (keys) bundles.set(name, jwtKeysOf(keys, name));
  }
  const { spiffeId, claims } = await verifyJwtSvid(token, audience, bundles, systemClock.nowMs());
  const { aud } = claims;
  return { spiffeId, claims: { ...claims, aud: Array.isArray(aud) ? aud : [aud] } };
}

const NO_KEYS = Buffer.from('{"keys":[]}');
const read = new WeakMap<DomainKeys, TrustBundle>();

/** The JWT keys of a trust domain as the node was given them, read once for each change. */
function jwtKeysOf(keys: DomainKeys, trustDomain: string): TrustBundle {
  const known = read.get(keys) ?? parseBundle(keys.jwks.length > 0 ? keys.jwks : NO_KEYS, trustDomain);
  read.set(keys, known);
  return known;
}

/**
 * Wires the node and starts it: sockets for agents and /proc, no authority key and no database. `socket` is the descriptor of one that was
 * handed over; `linked` is called when the server answers as well.
 */
export function runNode({ layout, version }: NodeStart, socket: number | undefined, linked: () => void, log: Log): Promise<RunningNode> {
  const readiness = new Readiness(log);
  const accounts = recentAccounts(systemClock);
  const [known, logins] = [fileAccounts(), fileLogins()];
  const hasher = new FileHashing(systemClock);
  const reader = new PatientReading(systemClock, { names: new Set(LOADING), places: new Set(PLACES) });
  const scripts = new RunningScripts(reader);
  const homes = fileHomes();
  const host = readHostFacts();
  const uid = process.geteuid?.() ?? -1;
  return startNode({
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
    noOwnUids: whyNoOwnUids(uid),
    uidTable: new UidTable(layout.ownUids, (id) => known.userName(id) !== undefined),
    keeper: { node: process.execPath, main: process.argv[1]! },
    login: (id) => logins.login(id),
    groupTree: openGroupTree(layout.launchGroups, uid),
    validate: validateJwtSvid,
    clock: systemClock,
    random: systemRandom,
    log,
    socket,
    onReady: linked,
  });
}
