import { create, type JsonObject } from '@bufbuild/protobuf';
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  sendUnaryData,
  ServerUnaryCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { DELIVERY_METADATA } from '../domain/delivery';
import { MandateError } from '../domain/errors';
import { MAX_TOKEN_BYTES } from '../domain/jwt-svid';
import type { Log } from '../domain/ports';
import { parseSpiffeId } from '../domain/spiffe-id';
import {
  type JWTSVIDRequest,
  type JWTSVIDResponse,
  JWTSVIDResponseSchema,
  type ValidateJWTSVIDRequest,
  type ValidateJWTSVIDResponse,
  ValidateJWTSVIDResponseSchema,
} from '../generated/proto/spiffe/workloadapi_pb';
import type { PeerConnection } from '../system/peer-connection';
import { answered } from '../wire/refusal';
import type { Images } from './images';
import { LiveStream } from './live-stream';
import type { Serving } from './serve';
import type { Served } from './served';
import type { Trust, TrustSource } from './trust';
import { MalformedRequest, mayPass, workloadStatus } from './workload-status';
import { uniqueHints, x509Response } from './x509-response';

/** Bounds of a JWT-SVID request (JS-16); a longer audience would not fit a token anybody accepts. */
const MAX_AUDIENCES = 32;
const MAX_AUDIENCE_BYTES = 1024;
/** Of all together: a token for each of many identities has to fit one message. */
const MAX_ALL_AUDIENCE_BYTES = 8 * 1024;

export interface WorkloadApiParts {
  readonly images: Images;
  readonly serving: Serving;
  readonly trust: TrustSource;
  /** The pinned peer of a call; throws the refusal of its connection where it has one. */
  readonly peer: (call: { getPeer(): string }) => PeerConnection;
  /** `federatesWith` names the foreign trust domains whose tokens the asker may have judged. */
  readonly validate: (
    token: string,
    audience: string,
    trust: Trust,
    federatesWith: readonly string[],
  ) => Promise<{ spiffeId: string; claims: JsonObject }>;
  readonly log: Log;
}

/** The SPIFFE Workload API over what the node serves. The security header was checked before any of this runs. */
export function workloadApi(parts: WorkloadApiParts): UntypedServiceImplementation {
  const { images, serving, trust, log } = parts;

  const stream =
    (open: (served: Served, out: LiveStream, metadata: Metadata) => void): handleServerStreamingCall<unknown, unknown> =>
    (call) => {
      const out = new LiveStream(call, workloadStatus);
      try {
        MalformedRequest.refuse(call.request);
        open(images.called(parts.peer(call)), out, call.metadata);
      } catch (thrown) {
        out.fail(answered(thrown, log));
      }
    };

  const unary =
    <Q, A>(answer: (request: Q, served: Served) => Promise<A>): handleUnaryCall<Q, A> =>
    (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => {
      const run = async () => {
        MalformedRequest.refuse(call.request);
        return answer(call.request, images.called(parts.peer(call)));
      };
      run().then(
        (message) => callback(null, message),
        (thrown: unknown) => callback(workloadStatus(answered(thrown, log))),
      );
    };

  /** Watches the process; BundleChange has it told of a changed trust bundle as well. `message` is the whole state, or undefined while there is none to send. */
  function watch(served: Served, out: LiveStream, wants: 'x509' | 'standing', message: (now: Trust) => Buffer | undefined): void {
    const send = () => {
      const now = trust.now;
      if (served.standing.kind === 'refused') {
        const { error } = served.standing;
        // A passing fault is told to newcomers; who was served before waits for the next good state.
        if (!out.started || !mayPass(error)) out.fail(error);
      } else if (served.standing.kind === 'entitled' && now) {
        const state = message(now);
        if (state) out.send(state);
      }
    };
    const subscriber = { wants, changed: send, end: (error: MandateError) => out.fail(error) };
    out.onClose(() => served.subscribers.delete(subscriber));
    if (!trust.now) out.fail(new MandateError('E_SERVER_DOWN'));
    else serving.subscribe(served, subscriber).catch((thrown: unknown) => out.fail(answered(thrown, log)));
  }

  return {
    fetchX509SVID: stream((served, out, metadata) => {
      if (metadata.get(DELIVERY_METADATA)[0] === 'files') served.deliverToFiles();
      watch(served, out, 'x509', (now) => x509Response(served, now));
    }),
    fetchX509Bundles: stream((served, out) =>
      watch(served, out, 'standing', (now) => (now.x509.length > 0 ? trust.response(now, served.federatesWith, 'x509') : undefined)),
    ),
    fetchJWTBundles: stream((served, out) => watch(served, out, 'standing', (now) => trust.response(now, served.federatesWith, 'jwks'))),
    fetchJWTSVID: unary<JWTSVIDRequest, JWTSVIDResponse>(async (request, served) => {
      const audience = audiencesOf(request.audience);
      if (request.spiffeId !== '') parseSpiffeId(request.spiffeId);
      const svids = await serving.jwt(served, audience, request.spiffeId);
      return create(JWTSVIDResponseSchema, {
        svids: uniqueHints(svids).map((svid) => ({ spiffeId: svid.spiffeId, svid: svid.token, hint: svid.hint })),
      });
    }),
    validateJWTSVID: unary<ValidateJWTSVIDRequest, ValidateJWTSVIDResponse>(async (request, served) => {
      if (request.audience === '' || request.svid === '') throw new MandateError('E_REQUEST', { why: 'audience and svid are required' });
      if (request.svid.length > MAX_TOKEN_BYTES) throw new MandateError('E_TOKEN', { why: 'longer than any JWT-SVID' });
      const now = trust.now;
      if (!now) throw new MandateError('E_SERVER_DOWN');
      // Whose tokens it may have judged is part of what it is entitled to, and rules may have changed that.
      if (served.standing.kind === 'entitled' && !served.doubtful) images.check(served);
      else await serving.standing(served);
      const { spiffeId, claims } = await parts.validate(request.svid, request.audience, now, served.federatesWith);
      return create(ValidateJWTSVIDResponseSchema, { spiffeId, claims });
    }),
    fetchWITSVID: stream(() => {
      throw new MandateError('E_UNIMPLEMENTED');
    }),
    fetchWITBundles: stream(() => {
      throw new MandateError('E_UNIMPLEMENTED');
    }),
  };
}

/** Requested audiences in order, without duplicates and empty ones (JS-08). Throws E_REQUEST where none is left or a bound is passed. */
function audiencesOf(requested: readonly string[]): string[] {
  const audiences = [...new Set(requested)].filter((audience) => audience !== '');
  if (audiences.length === 0) throw new MandateError('E_REQUEST', { why: 'an audience is required' });
  if (audiences.length > MAX_AUDIENCES) throw new MandateError('E_REQUEST', { why: `more than ${MAX_AUDIENCES} audiences` });
  if (audiences.some((audience) => Buffer.byteLength(audience) > MAX_AUDIENCE_BYTES)) {
    throw new MandateError('E_REQUEST', { why: `an audience is longer than ${MAX_AUDIENCE_BYTES} bytes` });
  }
  if (audiences.reduce((bytes, audience) => bytes + Buffer.byteLength(audience), 0) > MAX_ALL_AUDIENCE_BYTES) {
    throw new MandateError('E_REQUEST', { why: `the audiences are longer than ${MAX_ALL_AUDIENCE_BYTES} bytes together` });
  }
  return audiences;
}
