import { agentAttestor } from '../../attestors/agent';
import { binaryAttestor } from '../../attestors/binary';
import { cgroupAttestor } from '../../attestors/cgroup';
import { connectionAttestor } from '../../attestors/connection';
import { hostAttestor } from '../../attestors/host';
import { integrityAttestor } from '../../attestors/integrity';
import { launchAttestor } from '../../attestors/launch';
import { type AccountWays, privilegeAttestor } from '../../attestors/privilege';
import { processAttestor } from '../../attestors/process';
import { scriptAttestor } from '../../attestors/script';
import { userAttestor } from '../../attestors/user';
import type { Accounts, Attestor, Cgroups, FileHasher, Homes, HostFacts, PatientReader } from '../domain/attestation';
import type { Clock } from '../domain/ports';
import type { RunningScripts } from '../domain/running-script';
import { fileAccounts } from '../system/accounts';
import { cgroupTree } from '../system/cgroup-tree';
import { ownNamespaces } from '../system/own-namespaces';
import { kernelKeepsLogins } from '../system/kernel-logins';
import { recently } from '../system/recently';
import { RootWays } from '../system/root-ways';

interface AttestorParts {
  readonly accounts: Accounts;
  readonly hasher: FileHasher;
  readonly host: HostFacts;
  readonly reader: PatientReader;
  readonly scripts: RunningScripts;
  readonly homes: Homes;
  readonly clock: Clock;
}

/** All attestors. First those that wait for their reads, so that the others work meanwhile. */
export function attestorsOf({ accounts, hasher, host, reader, scripts, homes, clock }: AttestorParts): readonly Attestor[] {
  return [
    integrityAttestor(reader, ownNamespaces()),
    scriptAttestor(scripts),
    agentAttestor(reader, scripts, { home: recently(clock, (uid: number) => homes.home(uid)) }),
    hostAttestor(host),
    userAttestor(accounts, kernelKeepsLogins()),
    binaryAttestor(hasher),
    processAttestor(),
    privilegeAttestor(recentWays(clock)),
    cgroupAttestor(recentCgroups(clock)),
    launchAttestor(),
    connectionAttestor(),
  ];
}

/** Names of users and groups on this machine. */
export function recentAccounts(clock: Clock): Accounts {
  const accounts = fileAccounts();
  return {
    userName: recently(clock, (uid: number) => accounts.userName(uid)),
    groupName: recently(clock, (gid: number) => accounts.groupName(gid)),
  };
}

function recentWays(clock: Clock): AccountWays {
  const ways = new RootWays();
  const of = recently(clock, (key: string) => {
    const [uid, ...gids] = key.split(' ').map(Number);
    return ways.of(uid!, gids);
  });
  return { of: (uid, gids) => of([uid, ...gids].join(' ')) };
}

function recentCgroups(clock: Clock): Cgroups {
  const tree = cgroupTree();
  return { onlyRootMoves: recently(clock, (folder: string) => tree.onlyRootMoves(folder)) };
}
