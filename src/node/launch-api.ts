import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { handleServerStreamingCall, handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { confinementOf, confinementWord } from '../domain/confinement';
import { MandateError } from '../domain/errors';
import { fileText } from '../domain/file-text';
import { measuresText } from '../domain/launch-measures';
import { parseStat } from '../domain/proc-text';
import { type BeginRequest, type BeginResponse, BeginResponseSchema, StandingSchema } from '../generated/proto/mandate/v1/launch_pb';
import type { LaunchBeginSchema, LaunchOpened } from '../generated/proto/mandate/v1/node_link_pb';
import type { PeerConnection } from '../system/peer-connection';
import type { PinnedProcess } from '../system/process-view';
import { answered, refusalOf, statusOf } from '../wire/refusal';
import { type OwnUidParts, type PlacedOwnUid, placeOwnUid } from './begin-own-uid';
import type { Placed } from './launch-groups';
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

export interface LaunchApiParts extends OwnUidParts {
  /** Why no launch gets a uid of its own here; empty where one can. */
  readonly noOwnUids: string;
  readonly serving: Serving;
  readonly members: Members;
  readonly link: ServerLink;
  readonly measuring: LaunchMeasuringParts;
  readonly peer: (call: { getPeer(): string }) => PeerConnection;
  readonly userName: (uid: number) => string;
  readonly hold: (process: PinnedProcess) => void;
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
 * Under a uid of its own the first process is one that the node made, and the launcher stays whose behalf it is on.
 */
async function beginLaunch(parts: LaunchApiParts, served: Served, request: BeginRequest): Promise<BeginResponse> {
  checkRequest(request);
  if (request.ownUid !== undefined && parts.noOwnUids !== '')
    throw new MandateError('E_OWN_UID', { why: parts.noOwnUids, fix: 'run `mandate up` as root' });
  const { process } = served;
  const evidence = await parts.serving.attested(served);
  const { program, shebang, ...measured } = await measureLaunch(parts.measuring, process, request.program, request.argumentCount);
  // What governs its launcher lies in a home that an agent with a uid of its own does not see.
  const measures = request.ownUid === undefined ? measured.measures : { ...measured.measures, configuration: null };
  process.recheck();
  const { launchId, placed, own } = await place(parts, served, request);
  try {
    const first = own?.served ?? served;
    const ownEvidence = own && (await parts.serving.attested(own.served));
    const opened = await openLaunch(parts, request, served, {
      evidence: ownEvidence ?? evidence,
      ...(own && { launcher: evidence, ownUid: own.uid }),
      programSha256: program.sha256,
      measures: measuresText(measures),
      launchId,
      ...('from' in placed ? { grouped: true, groupFrom: placed.from } : { groupMissing: placed.missing }),
    });
    const grouped = 'from' in placed && opened.launchId === launchId;
    try {
      served.check();
      own?.served.check();
    } catch (thrown) {
      // It is on record by now, and would stay open there.
      const reason = 'ended before it was launched';
      parts.link.tell({ case: 'processEnded', value: { processKey: first.process.key, reason } });
      if (grouped) parts.link.tell({ case: 'launchEnded', value: { launchId, reason } });
      throw thrown;
    }
    if (!opened.joined) {
      parts.members.open({
        launchId: opened.launchId,
        agentId: opened.agentId,
        agentName: opened.agentName,
        name: request.name,
        programPath: fileText(Buffer.from(request.program, 'utf8').toString('latin1')),
        programSha256: program.sha256,
        user: parts.userName(process.uid),
        uid: process.uid,
        ownUid: own?.uid ?? 0,
        processKey: first.process.key,
        grouped,
        confinement: confinementOf(request.confinement),
        programInode: program.inode,
        programSeen: false,
        measured: { measures, shebang, launcher: first.process.image },
        changed: undefined,
      });
    }
    parts.hold(first.process);
    // The evidence was of what stood there before: as a member of its launch it is attested anew, whether it executes or not.
    first.evidence = undefined;
    own?.release();
    return create(BeginResponseSchema, {
      launchId: opened.launchId,
      agentId: opened.agentId,
      agentName: opened.agentName,
      delegationId: opened.delegationId,
      given: opened.given,
      spiffeIds: opened.identities.map((identity) => identity.spiffeId),
      joined: opened.joined,
      pid: first.process.pid,
      ownUid: own?.uid ?? 0,
      // Nothing else keeps a daemon within its launch: handed to init it would be nobody's, and taken for the person.
      adoptOrphans: !opened.joined && !grouped,
    });
  } catch (thrown) {
    own?.abandon();
    throw thrown;
  }
}

/** Puts the launch on record. Terminal and ancestors are those of whoever launches, whatever process it begins with. */
function openLaunch(
  parts: LaunchApiParts,
  request: BeginRequest,
  { process }: Served,
  known: MessageInitShape<typeof LaunchBeginSchema>,
): Promise<LaunchOpened> {
  const terminal = (parseStat(process.read('stat'))?.tty ?? 0) !== 0;
  return parts.link.ask(
    {
      case: 'launchBegin',
      value: {
        ...known,
        name: request.name,
        task: request.task,
        programPath: fileText(Buffer.from(request.program, 'utf8').toString('latin1')),
        terminal: terminal && !parts.members.touches(process.ancestors().chain),
        argumentCount: request.argumentCount,
        confinement: confinementWord(confinementOf(request.confinement)),
      },
    },
    'launchOpened',
  );
}

/**
 * A control group for the launch that the process is about to open, under an id that the server drew for it; none inside a launch, which
 * stays one launch. Whatever stands in the way of a group does not stand in the way of the launch: it is recorded with it.
 */
async function place(
  parts: LaunchApiParts,
  served: Served,
  request: BeginRequest,
): Promise<{ readonly launchId: string; readonly placed: Placed; readonly own?: PlacedOwnUid }> {
  const { link, members, groups } = parts;
  const { process } = served;
  const inside = members.find(process, process.ancestors().chain, groups.of(process)?.launchId)?.launch;
  if (inside && request.ownUid)
    throw new MandateError('E_OWN_UID', { why: 'a launch within a launch stays the same agent, under the same uid' });
  if (inside) return { launchId: '', placed: { missing: '' } };
  const { launchId } = await link.ask({ case: 'launchReserve', value: {} }, 'launchReserved');
  if (!request.ownUid) return { launchId, placed: await groups.enter(launchId, process) };
  const confine = confinementOf(request.confinement).kind === 'domain';
  const own = await placeOwnUid(parts, served, launchId, request.ownUid, { program: request.program, confine });
  return { launchId, placed: { from: own.from }, own };
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
