import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { asMandateError, type ErrorCode, GRPC, isErrorCode, MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import { type Refusal, RefusalSchema } from '../generated/proto/mandate/v1/refusal_pb';

/** Trailer that carries a serialised mandate.v1.Refusal beside the status the standards ask for. */
export const REFUSAL_TRAILER = 'mandate-refusal-bin';

/** A refusal is far smaller; whatever sends more is not mandate. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** A MandateError with everything the asker may be told, ready for the wire. */
export class RefusedError extends MandateError {
  constructor(readonly refusal: Refusal) {
    super(isErrorCode(refusal.code) ? refusal.code : 'E_INTERNAL');
  }
}

/** The refusal an error amounts to; fields that only a match can fill stay empty. */
export function refusalOf(error: MandateError): Refusal {
  if (error instanceof RefusedError) return error.refusal;
  const { saw, why, fix } = error.explanation;
  return create(RefusalSchema, {
    code: error.code,
    message: [error.message, why].filter(Boolean).join(': '),
    saw: saw === undefined ? [] : [{ selector: '', value: saw.slice(0, 1024), assurance: '' }],
    remedy: fix ?? '',
  });
}

/** The error that a call is answered with. What went wrong inside is ours to mend: it is logged with its cause, which the answer leaves out. */
export function answered(thrown: unknown, log: Log, fields: object = {}): MandateError {
  const error = asMandateError(thrown);
  if (error.code === 'E_INTERNAL') log.error({ err: error.cause ?? error, ...fields }, 'call failed');
  return error;
}

/**
 * The gRPC status for any thrown value. Text outwards is fixed per code; the cause stays here.
 * PermissionDenied says `no identity issued`: SPIFFE clients choose their back-off by it.
 */
export function statusOf(thrown: unknown): StatusObject {
  const error = asMandateError(thrown);
  const refusal = refusalOf(error);
  const metadata = new Metadata();
  metadata.set(REFUSAL_TRAILER, Buffer.from(toBinary(RefusalSchema, refusal)));
  const text = error.grpcStatus === GRPC.permissionDenied ? `no identity issued: ${error.message}` : error.message;
  return { code: error.grpcStatus, details: `${text} (${error.code})`, metadata };
}

/** What a client of ours makes of a failed call: the refusal where one travelled along, else the nearest code. */
export function errorOfStatus(error: ServiceError): MandateError {
  const trailer = error.metadata?.get(REFUSAL_TRAILER)[0];
  if (Buffer.isBuffer(trailer) && trailer.length <= MAX_REFUSAL_BYTES) return new RefusedError(fromBinary(RefusalSchema, trailer));
  return new MandateError(codeOfStatus(error.code), {}, { cause: error });
}

const NEAREST: Partial<Record<number, ErrorCode>> = {
  [GRPC.unavailable]: 'E_NOT_RUNNING',
  [GRPC.deadlineExceeded]: 'E_TIMEOUT',
  [GRPC.cancelled]: 'E_TIMEOUT',
  [GRPC.unimplemented]: 'E_UNIMPLEMENTED',
  [GRPC.invalidArgument]: 'E_REQUEST',
  [GRPC.notFound]: 'E_NOT_FOUND',
  [GRPC.permissionDenied]: 'E_NO_RULE',
  [GRPC.resourceExhausted]: 'E_OVERLOADED',
};

const codeOfStatus = (status: number): ErrorCode => NEAREST[status] ?? 'E_INTERNAL';
