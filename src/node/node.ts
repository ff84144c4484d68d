import type { JsonObject } from '@bufbuild/protobuf';
import { Server } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Accounts, Attestor } from '../domain/attestation';
import { atMostPerSecond } from '../domain/per-second';
import type { Clock, Log, Random } from '../domain/ports';
import { LaunchAPI } from '../generated/proto/mandate/v1/launch_pb';
import type { BundleUpdate, ServerMessage } from '../generated/proto/mandate/v1/node_link_pb';
import { SpiffeWorkloadAPI } from '../generated/proto/spiffe/workloadapi_pb';
import type { Login } from '../system/accounts';
import type { PeerConnection } from '../system/peer-connection';
import { listenForPeers, PEER_SERVER_OPTIONS, type PeerListener } from '../system/peer-listener';
import type { GroupTree, NoGroupTree } from '../system/group-tree';
import type { PinnedProcess } from '../system/process-view';
import type { PinnedProcesses } from '../system/processes';
import type { Readiness } from '../system/readiness';
import type { UidTable } from '../system/uid-table';
import { grpcService } from '../wire/grpc';
import { watchLoopDelay } from '../system/loop-delay';
import { Attesting, type ReadingThreads } from './attesting';
import { BundleChange } from './bundle-change';
import { type Device, helloOf } from './device';
import { Images } from './images';
import { type HolderReader, Holding } from './holding';
import { gate } from './interceptor';
import { launchApi } from './launch-api';
import type { KeeperProgram } from './keepers';
import { LaunchGroups } from './launch-groups';
import { LeftFiles } from './left-files';
import type { LaunchMeasuringParts } from './measure-launch';
import { Members } from './members';
import { OpenCalls } from './open-calls';
import { OwnUids } from './own-uids';
import type { ProgramHasher } from './program';
import { answerQuestion } from './questions';
import { REFLECTION_SERVICES, reflectionApi } from './reflection';
import { resume } from './resume';
import { Serving } from './serve';
import { openServerLink, type ServerLink } from './server-link';
import { type Trust, TrustSource, trustOf } from './trust';
import { workloadApi } from './workload-api';
import { MalformedRequest } from './workload-status';

const MAX_CONNECTIONS = 6_000;
const MAX_PER_UID = 5_500;
const MAX_PER_PROCESS = 1_000;
/** Two for each connection that may be held, all on one or spread: a stream takes 20 kB. */
const MOST_CALLS = { perProcess: MAX_PER_PROCESS, perUid: 2 * MAX_CONNECTIONS };
/** How long streams may take to tell their clients that the node ends. */
const FAREWELL_MS = 500;
/** Refusals the node reports in a second; beyond that they are only counted in the log. */
const REPORTS_PER_SECOND = 20;

export interface NodeParts {
  readonly layout: Layout;
  readonly version: string;
  readonly uid: number;
  readonly device: Device;
  readonly attestors: readonly Attestor[];
  readonly accounts: Accounts;
  readonly hasher: ProgramHasher;
  /** How a command is looked at before it runs. */
  readonly measuring: Omit<LaunchMeasuringParts, 'hasher'>;
  readonly reader: HolderReader & ReadingThreads;
  readonly processes: PinnedProcesses;
  readonly readiness: Readiness;
  /** Where launches get control groups of their own. */
  readonly groupTree: GroupTree | NoGroupTree;
  /** Why no launch gets a uid of its own here; empty where one can. */
  readonly noOwnUids: string;
  readonly uidTable: UidTable;
  /** How the keeper of an agent under a uid of its own is started. */
  readonly keeper: KeeperProgram;
  readonly login: (uid: number) => Login | undefined;
  readonly validate: (
    token: string,
    audience: string,
    trust: Trust,
    federatesWith: readonly string[],
  ) => Promise<{ spiffeId: string; claims: JsonObject }>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Descriptor of the socket, where somebody else keeps it. */
  readonly socket?: number | undefined;
  /** The link is up and the socket listens. */
  readonly onReady: () => void;
}

export interface RunningNode {
  close(): Promise<void>;
}

/** Starts the node: one socket for agents and launchers, one link to the server. */
export async function startNode(parts: NodeParts): Promise<RunningNode> {
  const { layout, clock, log, processes, accounts } = parts;
  const groups = new LaunchGroups(parts.groupTree, groupChanged, log);
  const ownUids = new OwnUids(parts.uidTable, clock, log);
  const members = new Members({
    populated: (launchId) => groups.populated(launchId),
    ended: ({ launchId, grouped }) => {
      groups.ended(launchId);
      ownUids.ended(launchId);
      if (grouped) link.tell({ case: 'launchEnded', value: { launchId, reason: 'exit' } });
    },
  });
  const trust = new TrustSource();
  /** Members of agents stay pinned for as long as they live, connected or not. */
  const held = new Map<string, PinnedProcess>();
  const socket: { listener?: PeerListener } = {};
  const loopDelay = watchLoopDelay();
  let ready = false;

  const peer = (call: { getPeer(): string }): PeerConnection => {
    const connection = socket.listener?.peerOf(call);
    if (!connection) throw new MandateError('E_PEER_GONE');
    if (connection.refusal) throw connection.refusal;
    return connection;
  };

  const link: ServerLink = openServerLink(
    layout.linkSocket,
    () => helloOf(parts.device, parts.version, parts.uid, groups.missing),
    {
      welcome: (welcome) => {
        resume({ members, groups, ownUids, processes, link, hold, log }, welcome);
        if (welcome.bundle) bundled(welcome.trustDomain, welcome.bundle);
        serving.linkUp();
        if (!ready) {
          ready = true;
          parts.onReady();
        }
      },
      message: (message) => told(message),
      lost: () => undefined,
    },
    clock,
    parts.random,
    log,
  );
  const holding = new Holding(parts.reader, clock);
  const { attestors, hasher, reader } = parts;
  const attesting = new Attesting({ members, groups, ownUids, attestors, hasher, holding, reader, clock, hold });
  const leftFiles = new LeftFiles(parts.keeper, parts.uid, clock, log);
  const images = new Images({ link, members, random: parts.random, writerEnded: (process) => leftFiles.ended(process), log });
  const serving = new Serving({ link, images, members, attesting, holding, clock, random: parts.random, log, hold });

  const bundleChange = new BundleChange(images, serving, log);
  trust.watch((domains) => {
    const own = domains.has(trust.now?.trustDomain ?? '');
    bundleChange.changed((served) => own || served.federatesWith.some((name) => domains.has(name)));
  });

  /** The group of a launch that was never opened goes as soon as it is empty. */
  function groupChanged(launchId: string): void {
    if (members.launch(launchId)) members.settle(launchId);
    else if (!groups.populated(launchId)) groups.ended(launchId);
  }

  /** Pins a member for its life; its end is the end of its membership. */
  function hold(process: PinnedProcess): void {
    if (held.has(process.key)) return;
    held.set(process.key, process.retain());
    images.of(process);
    process.onExit(() => {
      if (held.delete(process.key)) process.release();
    });
  }

  /** The roots reach every stream before the SVIDs that rest on them. */
  function bundled(trustDomain: string, bundle: BundleUpdate): void {
    trust.set(trustOf(trustDomain, bundle));
    serving.soundAuthorities(bundle.soundX509);
  }

  function told(message: ServerMessage): void {
    const { body } = message;
    if (body.case === 'bundle' && trust.now) bundled(trust.now.trustDomain, body.value);
    else if (body.case === 'poke') serving.poked(body.value.processKeys);
    else answerQuestion(message, { processes, members, groups, images, serving, link, loopDelay, clock, log });
  }

  const server = new Server({ ...PEER_SERVER_OPTIONS, interceptors: [gate(peer, new OpenCalls(MOST_CALLS), log)] });
  server.addService(
    grpcService(SpiffeWorkloadAPI, new MalformedRequest()),
    workloadApi({ images, serving, trust, peer, validate: parts.validate, log }),
  );
  const reflected = reflectionApi(log);
  for (const service of REFLECTION_SERVICES) server.addService(service, reflected);
  server.addService(
    grpcService(LaunchAPI),
    launchApi({
      images,
      serving,
      members,
      groups,
      ownUids,
      processes,
      keeper: parts.keeper,
      login: parts.login,
      agentSocket: layout.agentSocket,
      noOwnUids: parts.noOwnUids,
      link,
      clock,
      measuring: { hasher: parts.hasher, ...parts.measuring },
      peer,
      hold,
      log,
      userName: (uid) => accounts.userName(uid) ?? `uid-${uid}`,
    }),
  );

  const mayReport = atMostPerSecond(clock, REPORTS_PER_SECOND);
  socket.listener = await listenForPeers({
    server,
    path: layout.agentSocket,
    given: parts.socket,
    folderMode: parts.uid === 0 ? 0o755 : 0o700,
    socketMode: parts.uid === 0 ? 0o666 : 0o600,
    processes,
    readiness: parts.readiness,
    senderPeek: true,
    anyAuthority: true,
    maxPerProcess: MAX_PER_PROCESS,
    maxPerUid: MAX_PER_UID,
    maxTotal: MAX_CONNECTIONS,
    admit: (connection) => {
      if (parts.uid !== 0 && connection.uid !== parts.uid) throw new MandateError('E_PEER_OTHER_USER', { saw: `uid ${connection.uid}` });
      images.arrived(connection);
      attesting.prepare(connection.process);
    },
    onRefused: (error, { pid, uid }) => {
      if (!mayReport()) return;
      log.warn({ code: error.code, pid, uid }, 'connection refused');
      link.tell({ case: 'refusal', value: { code: error.code, processKey: '', pid, uid, verb: 'connect' } });
    },
    clock,
    log,
  });

  return {
    async close() {
      // Streams end with UNAVAILABLE: their clients come back, to us or to whoever follows us.
      for (const served of images.all()) served.endAll(new MandateError('E_STARTING', { why: 'the node is ending' }));
      await socket.listener?.close(FAREWELL_MS);
      link.close();
      groups.close();
    },
  };
}
