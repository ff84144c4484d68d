import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import type { Clock, Log } from '../domain/ports';
import type { PeerConnection } from '../system/peer-connection';
import { listenForPeers, PEER_SERVER_OPTIONS, type PeerListener, type PeerListenerOptions } from '../system/peer-listener';
import type { PinnedProcess } from '../system/process-view';
import type { PinnedProcesses } from '../system/processes';
import type { Readiness } from '../system/readiness';
import type { Journal } from './journal';

const MAX_LINK_MESSAGE_BYTES = 1024 * 1024;
/** Rule files travel whole. */
const MAX_ADMIN_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 500;

export interface SocketParts {
  readonly layout: Layout;
  readonly processes: PinnedProcesses;
  readonly readiness: Readiness;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
}

interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Who may link up as the node of this device. */
export interface NodeDoor {
  /** Tells the node by its pinned process. */
  readonly isNode: (process: PinnedProcess) => boolean;
  /** It reaches the socket as a member of our group, since it is root without the capability to pass over modes. */
  readonly byGroup: boolean;
}

/** Names the peer of a call. Throws why its connection is refused: until it is closed, calls may come on it. */
export type PeerOf = (call: { getPeer(): string }) => PeerConnection;

/** The socket for the node, and for no other process however it was asked. */
export function listenForNode(parts: SocketParts, services: (peer: PeerOf) => readonly Service[], door: NodeDoor): Promise<PeerListener> {
  const { isNode, byGroup } = door;
  return serve(MAX_LINK_MESSAGE_BYTES, services, {
    ...common(parts, 'link'),
    path: parts.layout.linkSocket,
    folderMode: byGroup ? 0o710 : 0o700,
    socketMode: byGroup ? 0o660 : 0o600,
    maxPerProcess: 8,
    maxPerUid: 64,
    admit: (peer) => {
      if (!isNode(peer.process)) throw new MandateError('E_NOT_ADMIN', { why: 'this socket is for the node that mandate started' });
    },
  });
}

/** The socket for people; who may do what is decided per call. `services` gets the peer of a call by `peer`. */
export function listenForPeople(parts: SocketParts, services: (peer: PeerOf) => readonly Service[]): Promise<PeerListener> {
  const installed = parts.layout.mode === 'installed';
  return serve(MAX_ADMIN_MESSAGE_BYTES, services, {
    ...common(parts, 'admin'),
    path: parts.layout.adminSocket,
    folderMode: installed ? 0o755 : 0o700,
    socketMode: installed ? 0o666 : 0o600,
    maxPerProcess: 32,
    maxPerUid: 128,
    admit: () => undefined,
  });
}

async function serve(
  maxMessageBytes: number,
  services: (peer: PeerOf) => readonly Service[],
  options: Omit<PeerListenerOptions, 'server'>,
): Promise<PeerListener> {
  const server = new Server({ ...PEER_SERVER_OPTIONS, 'grpc.max_receive_message_length': maxMessageBytes });
  const opened: { listener?: PeerListener } = {};
  for (const { definition, implementation } of services((call) => peerOf(opened.listener, call)))
    server.addService(definition, implementation);
  opened.listener = await listenForPeers({ ...options, server });
  return opened.listener;
}

const common = ({ processes, readiness, journal, clock, log }: SocketParts, socket: 'link' | 'admin') => ({
  processes,
  readiness,
  clock,
  log,
  senderPeek: true,
  maxTotal: MAX_CONNECTIONS,
  onRefused: (error: MandateError, asker: { readonly pid: number; readonly uid: number }) =>
    journal.refusedConnection(socket, asker, error.code),
});

function peerOf(listener: PeerListener | undefined, call: { getPeer(): string }): PeerConnection {
  const peer = listener?.peerOf(call);
  if (!peer) throw new MandateError('E_PEER_GONE');
  if (peer.refusal) throw peer.refusal;
  return peer;
}
