import { create } from '@bufbuild/protobuf';
import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { AdminVerb, AdminVerbs } from '../domain/admin-verbs';
import { MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import { type AdminAnswer, AdminAnswerSchema, type AdminRequest } from '../generated/proto/mandate/v1/admin_pb';
import type { PeerConnection } from '../system/peer-connection';
import { sessionOf } from '../system/session';
import { answered, statusOf } from '../wire/refusal';
import type { PinnedCaller } from './callers';

/** One verb: decides who may use it and answers. Text from outside is bounded by the gRPC message size before it is parsed. */
export type VerbHandlers = {
  [V in AdminVerb]: (request: AdminVerbs[V]['request'], caller: PinnedCaller) => Promise<AdminVerbs[V]['answer']>;
};

/** The admin service: JSON in, JSON out, every call made by a pinned process. */
export function adminApi(
  handlers: VerbHandlers,
  peer: (call: { getPeer(): string }) => PeerConnection,
  log: Log,
): UntypedServiceImplementation {
  const serve =
    <V extends AdminVerb>(verb: V): handleUnaryCall<AdminRequest, AdminAnswer> =>
    (call, callback) => {
      const run = async () => {
        const caller = pinnedCaller(peer(call));
        const answer = await handlers[verb](parse(call.request.json) as AdminVerbs[V]['request'], caller);
        return create(AdminAnswerSchema, { json: JSON.stringify(answer) });
      };
      run().then(
        (answer) => callback(null, answer),
        (thrown: unknown) => callback(statusOf(answered(thrown, log, { verb }))),
      );
    };
  const verbs = Object.keys(handlers) as AdminVerb[];
  return Object.fromEntries(verbs.map((verb) => [verb, serve(verb)]));
}

function parse(json: string): unknown {
  if (json === '') return {};
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new MandateError('E_REQUEST', { why: 'the request is not JSON' }, { cause });
  }
  throw new MandateError('E_REQUEST', { why: 'the request is not a JSON object' });
}

/** How a walk ends that saw every ancestor there is: at pid 1, or where a container begins. */
const ENDS: readonly string[] = ['init', 'outside'];

function pinnedCaller(peer: PeerConnection): PinnedCaller {
  const { process } = peer;
  return {
    pid: peer.pid,
    uid: peer.uid,
    key: process.key,
    alive: () => !peer.closed && process.alive(),
    ancestry: () => {
      const { chain, end } = process.ancestors();
      return { keys: chain.map((ancestor) => ancestor.key), whole: ENDS.includes(end) };
    },
    session: () => sessionOf(process, process.ancestors().chain),
  };
}
