import type { MessageInitShape } from '@bufbuild/protobuf';
import { confinementWord } from '../domain/confinement';
import type { OpenLaunchSchema, KnownProcessSchema } from '../generated/proto/mandate/v1/node_link_pb';
import type { Living } from './living';

/** The launches on record as open: a node that comes back looks whether their processes still live. */
export const openLaunches = (living: Living): MessageInitShape<typeof OpenLaunchSchema>[] =>
  [...living.agents.values()].flatMap(({ launch, row }) =>
    launch
      ? [
          {
            launchId: launch.id,
            agentId: row.id,
            agentName: row.name,
            programPath: launch.programPath,
            programSha256: launch.programSha256,
            user: launch.user,
            uid: launch.uid,
            ownUid: launch.ownUid ?? 0,
            name: launch.name,
            processKey: launch.processKey,
            grouped: launch.groupFrom !== null,
            groupFrom: launch.groupFrom ?? '',
            confinement: confinementWord(launch.confinement),
          },
        ]
      : [],
  );

/** The processes on record as living: each resumes its agent if it still does. */
export const knownProcesses = (living: Living): MessageInitShape<typeof KnownProcessSchema>[] =>
  [...living.agents.values()].flatMap((agent) =>
    [...agent.processes].map((processKey) => {
      const { pid, via, membership } = living.foundBy(processKey);
      return {
        processKey,
        pid,
        agentId: agent.row.id,
        agentName: agent.row.name,
        launchId: agent.launch?.id ?? '',
        viaProcessKey: via,
        membership,
      };
    }),
  );
