import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import { asMandateError, MandateError } from '../domain/errors';
import type { AgentStopped, CallerReport, NodeFigures, NodeMessage, ServerMessage } from '../generated/proto/mandate/v1/node_link_pb';
import { statusOf } from '../wire/refusal';
import type { DeviceSession } from './device-session';
import type { ServerBody } from './node-requests';
import { NodeStream, type NodeStreamParts } from './node-stream';
import type { PeerOf } from './sockets';

/** The server's end of NodeLink. One node at a time; which process may be it is decided when its connection is accepted. */
export class NodeApi {
  #link: NodeStream | undefined;

  constructor(private readonly parts: NodeStreamParts) {}

  get session(): DeviceSession | undefined {
    return this.#link?.session;
  }

  /** Requests of the node that wait for their turn. */
  get queued(): number {
    return this.#link?.queued ?? 0;
  }

  /** `peer` throws where the connection of a call is refused: it stays for a moment, and what comes on it meanwhile is not from the node. */
  handler(peer: PeerOf): handleBidiStreamingCall<NodeMessage, ServerMessage> {
    return (call) => {
      try {
        peer(call);
        if (this.#link) throw new MandateError('E_NOT_ADMIN', { why: 'a node is linked already' });
      } catch (thrown) {
        call.emit('error', Object.assign(new Error('refused'), statusOf(asMandateError(thrown))));
        return;
      }
      const link = new NodeStream(call, this.parts, () => {
        if (this.#link === link) this.#link = undefined;
      });
      this.#link = link;
    };
  }

  /** Tells the linked node something; dropped where none is linked, since the next welcome says it all. */
  tell(body: ServerBody): void {
    this.#link?.tell(body);
  }

  /** Asks the node about a process. Throws E_NODE_DOWN where no node is linked or it does not answer in time. */
  caller(pid: number, processKey: string, evidence: boolean): Promise<CallerReport> {
    if (!this.#link?.session) return Promise.reject(new MandateError('E_NODE_DOWN'));
    return this.#link.caller(pid, processKey, evidence);
  }

  /** How the node is. Throws E_NODE_DOWN as `caller` does. */
  figures(): Promise<NodeFigures> {
    if (!this.#link?.session) return Promise.reject(new MandateError('E_NODE_DOWN'));
    return this.#link.figures();
  }

  /** Has the node end an agent, or say what that would end. Throws E_NODE_DOWN as `caller` does. */
  stopAgent(agentId: string, carryOut: boolean): Promise<AgentStopped> {
    if (!this.#link?.session) return Promise.reject(new MandateError('E_NODE_DOWN'));
    return this.#link.stopAgent(agentId, carryOut);
  }
}
