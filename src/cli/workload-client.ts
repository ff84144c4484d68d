import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { Client, Metadata, credentials, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { DELIVERY_METADATA } from '../domain/delivery';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import {
  AwaitIdentityRequestSchema,
  BeginRequestSchema,
  LaunchAPI,
  type BeginResponse,
  type Standing,
} from '../generated/proto/mandate/v1/launch_pb';
import {
  JWTSVIDRequestSchema,
  SpiffeWorkloadAPI,
  X509SVIDRequestSchema,
  type JWTSVIDResponse,
  type X509SVIDResponse,
} from '../generated/proto/spiffe/workloadapi_pb';
import { grpcService } from '../wire/grpc';
import { notRunning } from './unreachable';
import { callFailure } from './wire-errors';

/** A first attestation hashes the program; a large one takes seconds. */
const DEADLINE_MS = 30_000;
/** Bound that other SPIFFE clients keep too. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const workload = grpcService(SpiffeWorkloadAPI);
const launch = grpcService(LaunchAPI);

/** Calls on the agents' socket: the SPIFFE Workload API and our launch API, each for the calling process itself. */
export class WorkloadClient {
  readonly #client: Client;

  constructor(
    private readonly socket: string,
    private readonly clock: Clock,
  ) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.default_authority': 'localhost',
    });
  }

  /** The SVIDs of now; the stream that would bring their successors is ended. */
  async x509(): Promise<X509SVIDResponse> {
    for await (const answer of this.#stream<X509SVIDResponse>(workload['fetchX509SVID'], X509SVIDRequestSchema, DEADLINE_MS)) return answer;
    throw new MandateError('E_INTERNAL', { saw: 'the Workload API ended without an answer' });
  }

  /** The SVIDs of now and their successors, to be written into files. Ends by throwing. */
  x509ForFiles(): AsyncGenerator<X509SVIDResponse> {
    const asked = header();
    asked.set(DELIVERY_METADATA, 'files');
    return this.#stream<X509SVIDResponse>(workload['fetchX509SVID'], X509SVIDRequestSchema, undefined, asked);
  }

  jwt(audience: readonly string[]): Promise<JWTSVIDResponse> {
    return this.#unary<JWTSVIDResponse, typeof JWTSVIDRequestSchema>(workload['fetchJWTSVID'], JWTSVIDRequestSchema, {
      audience: [...audience],
    });
  }

  begin(request: MessageInitShape<typeof BeginRequestSchema>): Promise<BeginResponse> {
    return this.#unary<BeginResponse, typeof BeginRequestSchema>(launch['begin'], BeginRequestSchema, request);
  }

  /** What this process may be, now and after each change. Ends by throwing; `deadlineMs` undefined means never by time. */
  standings(deadlineMs: number | undefined): AsyncGenerator<Standing> {
    return this.#stream<Standing>(launch['awaitIdentity'], AwaitIdentityRequestSchema, deadlineMs);
  }

  close(): void {
    this.#client.close();
  }

  #unary<A, S extends DescMessage>(
    method: MethodDefinition<unknown, unknown> | undefined,
    schema: S,
    request: MessageInitShape<S>,
  ): Promise<A> {
    if (!method) throw new MandateError('E_INTERNAL');
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => A,
        create(schema, request),
        header(),
        { deadline: this.clock.nowMs() + DEADLINE_MS },
        (error: ServiceError | null, answer?: A) => {
          if (answer) resolve(answer);
          else reject(error ? callFailure(error, this.socket, notRunning) : new MandateError('E_INTERNAL'));
        },
      );
    });
  }

  async *#stream<A>(
    method: MethodDefinition<unknown, unknown> | undefined,
    schema: DescMessage,
    deadlineMs: number | undefined,
    metadata = header(),
  ): AsyncGenerator<A> {
    if (!method) throw new MandateError('E_INTERNAL');
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => A,
      create(schema),
      metadata,
      deadlineMs === undefined ? {} : { deadline: this.clock.nowMs() + deadlineMs },
    );
    try {
      for await (const answer of call as AsyncIterable<A>) yield answer;
    } catch (error) {
      throw callFailure(error as ServiceError, this.socket, notRunning);
    } finally {
      // Whatever a cancelled call still reports has nobody left to hear it.
      call.on('error', () => undefined);
      call.cancel();
    }
  }
}

function header(): Metadata {
  const metadata = new Metadata();
  // Keeps a request that was forged through a browser or proxy out (SPIFFE Workload Endpoint §6.1).
  metadata.set('workload.spiffe.io', 'true');
  return metadata;
}
