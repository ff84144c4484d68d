import type { StatusObject } from '@grpc/grpc-js';
import { GRPC, MandateError } from '../domain/errors';
import { statusOf } from '../wire/refusal';

/** The four statuses SPIFFE clients know how to answer (SPIFFE Workload Endpoint, error codes). */
const KNOWN: readonly number[] = [GRPC.invalidArgument, GRPC.permissionDenied, GRPC.unimplemented, GRPC.unavailable];

/**
 * The gRPC status a call of the Workload API ends with. Whatever is none of the standard's own statuses is a fault on our side that may
 * pass, and is said as Unavailable: some clients end their watch for good on any status they do not know. The code that travels along stays.
 */
export function workloadStatus(thrown: unknown): StatusObject {
  const status = statusOf(thrown);
  return KNOWN.includes(status.code) ? status : { ...status, code: GRPC.unavailable };
}

/** True where a client is told Unavailable: the same question may be answered a moment later. */
export const mayPass = ({ grpcStatus }: MandateError): boolean => grpcStatus === GRPC.unavailable || !KNOWN.includes(grpcStatus);

/** A request whose bytes are no message of its type. */
export class MalformedRequest {
  /** Throws E_REQUEST where `request` is one; the gRPC library would call it an error of ours. */
  static refuse(request: unknown): void {
    if (request instanceof MalformedRequest) throw new MandateError('E_REQUEST', { why: 'it is not a message of this call' });
  }
}
