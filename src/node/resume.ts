import { confinementOf } from '../domain/confinement';
import type { Log } from '../domain/ports';
import { membershipKind } from '../domain/membership';
import type { OpenLaunch as OpenLaunchMessage, Welcome } from '../generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcess } from '../system/process-view';
import type { PinnedProcesses } from '../system/processes';
import { answered } from '../wire/refusal';
import type { LaunchGroups } from './launch-groups';
import type { Members, OpenLaunch } from './members';
import type { OwnUids } from './own-uids';
import type { ServerLink } from './server-link';

export interface ResumeParts {
  readonly members: Members;
  readonly groups: LaunchGroups;
  readonly ownUids: OwnUids;
  readonly processes: PinnedProcesses;
  readonly link: Pick<ServerLink, 'tell'>;
  readonly hold: (process: PinnedProcess) => void;
  readonly log: Log;
}

/**
 * After an absence of either side: every process on record is found again under its own key, every launch with a control group by its
 * folder, or they are reported as ended.
 */
export function resume(parts: ResumeParts, welcome: Welcome): void {
  const { members, groups, ownUids, link } = parts;
  const launches = new Map(welcome.launches.map((launch) => [launch.launchId, opened(members, launch)]));
  for (const { launchId, grouped, groupFrom } of welcome.launches) if (grouped) groups.resume(launchId, groupFrom);
  for (const launch of launches.values()) if (groups.populated(launch.launchId)) members.resume(launch);
  for (const known of welcome.processes) resumeProcess(parts, known, launches.get(known.launchId));
  for (const { launchId, grouped } of launches.values()) {
    if (!grouped || members.launch(launchId)) continue;
    groups.ended(launchId);
    link.tell({ case: 'launchEnded', value: { launchId, reason: GONE } });
  }
  for (const { launchId, uid, ownUid } of launches.values()) if (ownUid !== 0 && members.launch(launchId)) ownUids.resume(launchId, uid);
  groups.sweep();
  ownUids.sweep();
}

const GONE = 'gone while the node was away';

const opened = (members: Members, launch: OpenLaunchMessage): OpenLaunch =>
  members.launch(launch.launchId) ?? {
    ...launch,
    confinement: confinementOf(launch.confinement),
    programInode: '',
    programSeen: false,
    measured: undefined,
    changed: undefined,
  };

function resumeProcess(parts: ResumeParts, known: Welcome['processes'][number], launch: OpenLaunch | undefined): void {
  const { members, processes, link, hold, log } = parts;
  if (members.get(known.processKey)) return;
  try {
    const process = processes.fromPid(known.pid, known.processKey);
    if (launch && !members.launch(launch.launchId)) members.resume(launch);
    members.add(process.key, {
      agentId: known.agentId,
      agentName: known.agentName,
      launch,
      kind: membershipKind(known.membership) ?? 'pinned',
      via: known.viaProcessKey || undefined,
    });
    hold(process);
    process.release();
  } catch (thrown) {
    if (answered(thrown, log).code !== 'E_PEER_GONE') return;
    link.tell({ case: 'processEnded', value: { processKey: known.processKey, reason: GONE } });
  }
}
