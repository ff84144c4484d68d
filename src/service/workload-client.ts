import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { Client, type ClientReadableStream, credentials, Metadata, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { JWTSVIDRequestSchema, type JWTSVIDResponse, SpiffeWorkloadAPI } from '../generated/proto/spiffe/workloadapi_pb';
import { grpcService } from '../wire/grpc';
import { errorOfStatus } from '../wire/refusal';
import { workloadTarget } from './workload-address';

/** Bound that other SPIFFE clients keep too. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** A node that hangs without closing its socket is noticed after both. */
const PING_MS = 20_000;
const PONG_MS = 10_000;

const methods = grpcService(SpiffeWorkloadAPI);

/** Streams of the Workload API, by the local names of their methods. */
export type StreamName = 'fetchX509SVID' | 'fetchX509Bundles' | 'fetchJWTBundles';

/** Calls on one Workload API, each for the calling process itself. */
export class WorkloadClient {
  readonly #client: Client;

  /** Throws E_CONFIG for an address that the standard does not know. */
  constructor(
    socket: string,
    private readonly clock: Clock,
  ) {
    this.#client = new Client(workloadTarget(socket), credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.default_authority': 'localhost',
      'grpc.keepalive_time_ms': PING_MS,
      'grpc.keepalive_timeout_ms': PONG_MS,
    });
  }

  stream<M>(name: StreamName, request: DescMessage): ClientReadableStream<M> {
    const { path, requestSerialize, responseDeserialize } = methodNamed(name);
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => M,
      create(request),
      header(),
    );
  }

  /** A fresh JWT-SVID of this process. Throws what the node refuses it with. */
  jwtSvid(audience: string, timeoutMs: number): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = methodNamed('fetchJWTSVID');
    const request: MessageInitShape<typeof JWTSVIDRequestSchema> = { audience: [audience] };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => JWTSVIDResponse,
        create(JWTSVIDRequestSchema, request),
        header(),
        { deadline: this.clock.nowMs() + timeoutMs },
        (error: ServiceError | null, answer?: JWTSVIDResponse) => {
          const token = answer?.svids[0]?.svid;
          if (token) resolve(token);
          else reject(error ? errorOfStatus(error) : new MandateError('E_TOKEN', { saw: 'an answer without a token' }));
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

function methodNamed(name: string): MethodDefinition<unknown, unknown> {
  const method = methods[name];
  if (!method) throw new MandateError('E_INTERNAL', { saw: `no method ${name}` });
  return method;
}

/** Keeps requests that were forged through a browser or proxy out (SPIFFE Workload Endpoint §6.1). */
function header(): Metadata {
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  return metadata;
}
