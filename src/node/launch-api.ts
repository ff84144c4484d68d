import { create, toBinary } from '@bufbuild/protobuf';
import type { handleServerStreamingCall, handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { confinementOf, confinementWord } from '../domain/confinement';
import { MandateError } from '../domain/errors';
import { fileText } from '../domain/file-text';
import { measuresText } from '../domain/launch-measures';
import type { Log } from '../domain/ports';
import { parseStat } from '../domain/proc-text';
import { type BeginRequest, type BeginResponse, BeginResponseSchema, StandingSchema } from '../generated/proto/mandate/v1/launch_pb';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';
import { answered, refusalOf, statusOf } from '../wire/refusal';
import type { Images } from './images';
import type { LaunchGroups, Placed } from './launch-groups';
import { LiveStream } from './live-stream';
import type { Members } from './members';
import { type LaunchMeasuringParts, measureLaunch } from './measure-launch';
import type { Serving } from './serve';
import type { Served } from './served';
import type { ServerLink } from './server-link';

const MAX_NAME = 63;
const MAX_TASK = 1024;
const MAX_PROGRAM_BYTES = 4096;
const MAX_ARGUMENTS = 1_000_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export interface LaunchApiParts {
  readonly images: Images;
  readonly serving: Serving;
  readonly members: Members;
  readonly groups: LaunchGroups;
  readonly link: ServerLink;
  readonly measuring: LaunchMeasuringParts;
  readonly peer: (call: { getPeer(): string }) => PeerConnection;
  readonly userName: (uid: number) => string;
  readonly hold: (process: PinnedProcess) => void;
  readonly log: Log;
}

/** The launch API: a launcher becomes its agent, and processes learn why they have no identity. */
export function launchApi(parts: LaunchApiParts): UntypedServiceImplementation {
  const begin: handleUnaryCall<BeginRequest, BeginResponse> = (call, callback) => {
    const run = async () => beginLaunch(parts, parts.images.called(parts.peer(call)), call.request);
    run().then(
      (response) => callback(null, response),
      (thrown: unknown) => callback(statusOf(answered(thrown, parts.log))),
    );
  };

  const awaitIdentity: handleServerStreamingCall<unknown, unknown> = (call) => {
    const out = new LiveStream(call);
    try {
      const served = parts.images.called(parts.peer(call));
      const changed = () => out.send(standingMessage(served, parts.members));
      const subscriber = { wants: 'standing' as const, changed, end: (error: MandateError) => out.fail(error) };
      out.onClose(() => served.subscribers.delete(subscriber));
      parts.serving.subscribe(served, subscriber).catch((thrown: unknown) => out.fail(answered(thrown, parts.log)));
    } catch (thrown) {
      out.fail(answered(thrown, parts.log));
    }
  };

  return { begin, awaitIdentity };
}

/**
 * The launcher's own process becomes the first process of the agent: it is pinned already, attested where it stands, moved into a control
 * group of the launch, its command is measured before it runs, and only then does the launcher execute it in place, under the same pid.
 */
async function beginLaunch(parts: LaunchApiParts, served: Served, request: BeginRequest): Promise<BeginResponse> {
  checkRequest(request);
  const { process } = served;
  const confinement = confinementOf(request.confinement);
  const evidence = await parts.serving.attested(served);
  const { program, shebang, measures } = await measureLaunch(parts.measuring, process, request.program, request.argumentCount);
  process.recheck();
  const { launchId, placed } = await place(parts, process);
  const programPath = fileText(Buffer.from(request.program, 'utf8').toString('latin1'));
  const terminal = (parseStat(process.read('stat'))?.tty ?? 0) !== 0;
  const opened = await parts.link.ask(
    {
      case: 'launchBegin',
      value: {
        evidence,
        name: request.name,
        task: request.task,
        programPath,
        programSha256: program.sha256,
        measures: measuresText(measures),
        terminal: terminal && !parts.members.touches(process.ancestors().chain),
        argumentCount: request.argumentCount,
        launchId,
        ...('from' in placed ? { grouped: true, groupFrom: placed.from } : { groupMissing: placed.missing }),
        confinement: confinementWord(confinement),
      },
    },
    'launchOpened',
  );
  const grouped = 'from' in placed && opened.launchId === launchId;
  try {
    served.check();
  } catch (thrown) {
    // It is on record by now, and would stay open there.
    parts.link.tell({ case: 'processEnded', value: { processKey: process.key, reason: 'ended before it was launched' } });
    if (grouped) parts.link.tell({ case: 'launchEnded', value: { launchId, reason: 'ended before it was launched' } });
    throw thrown;
  }
  if (!opened.joined) {
    parts.members.open({
      launchId: opened.launchId,
      agentId: opened.agentId,
      agentName: opened.agentName,
      name: request.name,
      programPath,
      programSha256: program.sha256,
      user: parts.userName(process.uid),
      uid: process.uid,
      processKey: process.key,
      grouped,
      confinement,
      programInode: program.inode,
      programSeen: false,
      measured: { measures, shebang, launcher: process.image },
      changed: undefined,
    });
  }
  parts.hold(process);
  // The launcher's own evidence was of the launcher: as a member of its launch it is attested anew, whether it executes or not.
  served.evidence = undefined;
  return create(BeginResponseSchema, {
    launchId: opened.launchId,
    agentId: opened.agentId,
    agentName: opened.agentName,
    delegationId: opened.delegationId,
    given: opened.given,
    spiffeIds: opened.identities.map((identity) => identity.spiffeId),
    joined: opened.joined,
    // Nothing else keeps a daemon within its launch: handed to init it would be nobody's, and taken for the person.
    adoptOrphans: !opened.joined && !grouped,
  });
}

/**
 * A control group for the launch that the process is about to open, under an id that the server drew for it; none inside a launch, which
 * stays one launch. Whatever stands in the way of a group does not stand in the way of the launch: it is recorded with it.
 */
async function place(
  { link, members, groups }: LaunchApiParts,
  process: PinnedProcess,
): Promise<{ readonly launchId: string; readonly placed: Placed }> {
  const inside = members.find(process, process.ancestors().chain, groups.of(process)?.launchId)?.launch;
  if (inside) return { launchId: '', placed: { missing: '' } };
  const { launchId } = await link.ask({ case: 'launchReserve', value: {} }, 'launchReserved');
  return { launchId, placed: await groups.enter(launchId, process) };
}

function checkRequest(request: BeginRequest): void {
  const bad = (why: string) => new MandateError('E_REQUEST', { why });
  if (request.name !== '' && (request.name.length > MAX_NAME || !NAME.test(request.name))) {
    throw bad(`a name has up to ${MAX_NAME} letters, digits, dots, dashes and underscores`);
  }
  if (Buffer.byteLength(request.task) > MAX_TASK) throw bad(`a task has at most ${MAX_TASK} bytes`);
  if (!request.program.startsWith('/') || request.program.includes('\0') || Buffer.byteLength(request.program) > MAX_PROGRAM_BYTES) {
    throw bad('the program is named by an absolute path');
  }
  if (request.argumentCount > MAX_ARGUMENTS) throw bad('too many arguments');
}

function standingMessage(served: Served, members: Members): Buffer {
  const { standing } = served;
  const agentName = members.get(served.process.key)?.agentName ?? '';
  const message =
    standing.kind === 'entitled'
      ? create(StandingSchema, {
          identities: standing.identities.map(({ spiffeId, rule, jwt }) => ({ spiffeId, rule, jwt })),
          agentName,
        })
      : create(StandingSchema, {
          refusal: refusalOf(standing.kind === 'refused' ? standing.error : new MandateError('E_STARTING')),
          agentName,
        });
  return Buffer.from(toBinary(StandingSchema, message));
}
