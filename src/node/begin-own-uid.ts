import { closeSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { BeginRequest, OwnUid } from '../generated/proto/mandate/v1/launch_pb';
import type { Login } from '../system/accounts';
import type { Clock, Log } from '../domain/ports';
import type { PinnedProcesses } from '../system/processes';
import type { Images } from './images';
import { type KeeperProgram, type StartedOwnUid, startKeeper } from './keepers';
import type { LaunchGroups } from './launch-groups';
import { ownUidPlace } from './own-uid-launch';
import type { OwnUids } from './own-uids';
import type { Served } from './served';

export interface OwnUidParts {
  readonly images: Images;
  readonly groups: LaunchGroups;
  readonly processes: PinnedProcesses;
  readonly ownUids: OwnUids;
  readonly keeper: KeeperProgram;
  readonly login: (uid: number) => Login | undefined;
  readonly agentSocket: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The process that a launch under a uid of its own begins with: it stands in its control group and waits. */
export interface PlacedOwnUid {
  readonly uid: number;
  readonly served: Served;
  /** The control group that the launcher is in. */
  readonly from: string;
  /** The launch is on record: the program runs. */
  release(): void;
  /** Nothing of it stays. */
  abandon(): void;
}

/**
 * Makes the first process of a launch under a uid that belongs to it alone, of what the launcher named. A control group is no luxury here: the
 * uid may rest only when nobody is left under it, and its processes are told from others by that group. Throws E_OWN_UID.
 */
export async function placeOwnUid(
  parts: OwnUidParts,
  launcher: Served,
  launchId: string,
  asked: OwnUid,
  request: Pick<BeginRequest, 'program'> & { readonly confine: boolean },
): Promise<PlacedOwnUid> {
  const { groups, ownUids, images } = parts;
  if (groups.missing !== '') throw new MandateError('E_OWN_UID', { why: `launches have no control group: ${groups.missing}` });
  const place = ownUidPlace(launcher.process, asked, request.program, parts.agentSocket, parts.login);
  let started: StartedOwnUid | undefined;
  const abandon = () => {
    started?.abandon();
    started?.agent.release();
    // The group may need a moment to be empty: it is looked at again when it is, and removed then.
    if (!groups.populated(launchId)) groups.ended(launchId);
    ownUids.ended(launchId);
  };
  try {
    const uid = ownUids.give(launchId, launcher.process.uid);
    started = await startKeeper({ ...parts, program: parts.keeper }, launcher.process, asked, place, {
      uid,
      program: request.program,
      confine: request.confine,
    });
    ownUids.sees(launchId, started.view);
    const placed = await groups.enter(launchId, started.agent, launcher.process);
    if (!('from' in placed)) throw new MandateError('E_OWN_UID', { why: placed.missing });
    const { agent } = started;
    const release = () => started?.release();
    return {
      uid,
      served: images.present(agent),
      from: placed.from,
      release: () => {
        release();
        agent.release();
      },
      abandon,
    };
  } catch (thrown) {
    abandon();
    throw thrown;
  } finally {
    closeSync(place.folder);
  }
}
