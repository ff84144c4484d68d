import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { Metadata, Server, ServerCredentials, status, type ServerWritableStream, type UntypedHandleCall } from '@grpc/grpc-js';
import type { AdminVerb } from '../../src/domain/admin-verbs';
import { CATALOGUE, type ErrorCode } from '../../src/domain/errors';
import { Admin, AdminAnswerSchema, type AdminRequest } from '../../src/generated/proto/mandate/v1/admin_pb';
import { BeginResponseSchema, LaunchAPI, StandingSchema, type BeginRequest } from '../../src/generated/proto/mandate/v1/launch_pb';
import { RefusalSchema } from '../../src/generated/proto/mandate/v1/refusal_pb';
import {
  JWTSVIDResponseSchema,
  SpiffeWorkloadAPI,
  X509SVIDResponseSchema,
  type JWTSVIDRequest,
} from '../../src/generated/proto/spiffe/workloadapi_pb';
import { grpcService } from '../../src/wire/grpc';

type RefusalInit = MessageInitShape<typeof RefusalSchema> & { code: ErrorCode };

/** A failure as the service sends it: the status of its code, with the refusal in the trailer unless `bare`. */
export interface Failing {
  readonly fails: RefusalInit;
  readonly bare?: number;
}

const isFailing = (value: unknown): value is Failing => typeof value === 'object' && value !== null && 'fails' in value;

/** A test may send a code that no version knows. */
const knownTo = (code: string): { message: string; grpc: number } | undefined =>
  (CATALOGUE as Record<string, { message: string; grpc: number }>)[code];

function statusOf({ fails: refusal, bare }: Failing) {
  const metadata = new Metadata();
  if (bare === undefined)
    metadata.set(
      'mandate-refusal-bin',
      Buffer.from(toBinary(RefusalSchema, create(RefusalSchema, { message: knownTo(refusal.code)?.message ?? '', ...refusal }))),
    );
  return { code: bare ?? knownTo(refusal.code)?.grpc ?? status.INTERNAL, details: 'refused', metadata };
}

/** What the fake answers; anything not set is UNIMPLEMENTED. */
export interface Answers {
  admin?: Partial<Record<AdminVerb, object | string | Failing | ((request: unknown) => object | Failing)>>;
  x509?: MessageInitShape<typeof X509SVIDResponseSchema> | Failing;
  jwt?: MessageInitShape<typeof JWTSVIDResponseSchema> | Failing;
  begin?: MessageInitShape<typeof BeginResponseSchema> | Failing;
  standings?: readonly (MessageInitShape<typeof StandingSchema> | Failing)[];
}

/** A real gRPC server on real unix sockets whose answers a test sets. It insists on the security header, as the standard does. */
export class FakeService {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'mandate-cli-'));
  readonly asked: { verb: string; request: unknown }[] = [];
  answers: Answers = {};
  readonly #server = new Server();

  private constructor() {
    this.#server.addService(
      grpcService(Admin),
      Object.fromEntries(Object.keys(Admin.method).map((verb) => [verb, this.#admin(verb as AdminVerb)])),
    );
    this.#server.addService(grpcService(SpiffeWorkloadAPI), {
      ...unimplemented(Object.keys(SpiffeWorkloadAPI.method)),
      fetchX509SVID: this.#stream('x509', X509SVIDResponseSchema, () => [this.answers.x509]),
      fetchJWTSVID: this.#unary<JWTSVIDRequest>('jwt', JWTSVIDResponseSchema, () => this.answers.jwt),
    });
    this.#server.addService(grpcService(LaunchAPI), {
      begin: this.#unary<BeginRequest>('begin', BeginResponseSchema, () => this.answers.begin),
      awaitIdentity: this.#stream('standings', StandingSchema, () => this.answers.standings ?? []),
    });
  }

  static async start(): Promise<FakeService> {
    const fake = new FakeService();
    await new Promise<void>((resolve, reject) => {
      fake.#server.bindAsync(`unix:${fake.socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    });
    return fake;
  }

  /** One socket plays the agents' and the administrators' part. */
  get socket(): string {
    return path.join(this.folder, 'service.sock');
  }

  /** Ends the service as `down` would see it: the socket goes too. */
  stop(): void {
    this.#server.forceShutdown();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #admin(verb: AdminVerb): UntypedHandleCall {
    return ((call: { request: AdminRequest }, callback: (error: unknown, answer?: unknown) => void) => {
      const request: unknown = JSON.parse(call.request.json);
      this.asked.push({ verb, request });
      const set = this.answers.admin?.[verb];
      const answer = typeof set === 'function' ? set(request) : set;
      if (answer === undefined) callback({ code: status.UNIMPLEMENTED, details: '' });
      else if (isFailing(answer)) callback(statusOf(answer));
      else callback(null, create(AdminAnswerSchema, { json: typeof answer === 'string' ? answer : JSON.stringify(answer) }));
    }) as UntypedHandleCall;
  }

  #unary<R>(
    verb: string,
    schema: typeof BeginResponseSchema | typeof JWTSVIDResponseSchema,
    answer: () => object | undefined,
  ): UntypedHandleCall {
    return ((call: { request: R; metadata: Metadata }, callback: (error: unknown, answer?: unknown) => void) => {
      this.asked.push({ verb, request: call.request });
      const set = answer();
      if (call.metadata.get('workload.spiffe.io')[0] !== 'true')
        callback({ code: status.INVALID_ARGUMENT, details: 'security header missing' });
      else if (set === undefined) callback({ code: status.UNIMPLEMENTED, details: '' });
      else if (isFailing(set)) callback(statusOf(set));
      else callback(null, create(schema as typeof BeginResponseSchema, set));
    }) as UntypedHandleCall;
  }

  /** Sends what is set and stays open, as the real streams do, unless a failure is set. */
  #stream(
    verb: string,
    schema: typeof X509SVIDResponseSchema | typeof StandingSchema,
    answers: () => readonly (object | undefined)[],
  ): UntypedHandleCall {
    return ((call: ServerWritableStream<unknown, unknown>) => {
      this.asked.push({ verb, request: call.request });
      if (call.metadata.get('workload.spiffe.io')[0] !== 'true')
        return call.emit('error', { code: status.INVALID_ARGUMENT, details: 'security header missing' });
      for (const set of answers()) {
        if (set === undefined) return call.emit('error', { code: status.UNIMPLEMENTED, details: '' });
        if (isFailing(set)) return call.emit('error', statusOf(set));
        call.write(create(schema as typeof X509SVIDResponseSchema, set));
      }
    }) as UntypedHandleCall;
  }
}

const unimplemented = (names: readonly string[]) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      (_call: unknown, callback?: (error: unknown) => void) => callback?.({ code: status.UNIMPLEMENTED, details: '' }),
    ]),
  );
