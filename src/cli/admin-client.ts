import { create } from '@bufbuild/protobuf';
import { Client, Metadata, credentials, type ServiceError } from '@grpc/grpc-js';
import type { AdminVerb, AdminVerbs } from '../domain/admin-verbs';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { Admin, AdminRequestSchema, type AdminAnswer } from '../generated/proto/mandate/v1/admin_pb';
import { grpcService } from '../wire/grpc';
import { notRunning } from './unreachable';
import { callFailure } from './wire-errors';

const DEADLINE_MS = 5_000;
/** A trace or a list is far smaller; whatever answers with more is not the service. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const methods = grpcService(Admin);

/**
 * Asks the running service one thing and returns its JSON document. Throws what the service answered, E_NOT_RUNNING where nothing
 * listens, E_TIMEOUT after `deadlineMs`.
 */
export async function askAdmin<V extends AdminVerb>(
  clock: Clock,
  socket: string,
  verb: V,
  request: AdminVerbs[V]['request'],
  deadlineMs = DEADLINE_MS,
): Promise<AdminVerbs[V]['answer']> {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    'grpc.default_authority': 'localhost',
  });
  try {
    const { json } = await unary(client, verb, JSON.stringify(request), clock.nowMs() + deadlineMs, socket);
    return parse<AdminVerbs[V]['answer']>(json);
  } finally {
    client.close();
  }
}

function unary(client: Client, verb: AdminVerb, json: string, deadline: number, socket: string): Promise<AdminAnswer> {
  const method = methods[verb];
  if (!method) throw new MandateError('E_INTERNAL');
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => AdminAnswer,
      create(AdminRequestSchema, { json }),
      new Metadata(),
      { deadline },
      (error: ServiceError | null, answer?: AdminAnswer) => {
        if (answer) resolve(answer);
        else reject(error ? callFailure(error, socket, notRunning) : new MandateError('E_INTERNAL'));
      },
    );
  });
}

function parse<A>(json: string): A {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null) return value as A;
  } catch (cause) {
    throw new MandateError('E_INTERNAL', { saw: 'the service answered with something that is not JSON' }, { cause });
  }
  throw new MandateError('E_INTERNAL', { saw: 'the service answered with something that is not a JSON document' });
}
