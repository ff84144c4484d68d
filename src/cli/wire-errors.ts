import { fromBinary } from '@bufbuild/protobuf';
import type { Metadata, ServiceError } from '@grpc/grpc-js';
import { GRPC, MandateError, isErrorCode, type ErrorCode } from '../domain/errors';
import { RefusalSchema, type Refusal } from '../generated/proto/mandate/v1/refusal_pb';
import { RefusedByService, processAssurance, type RefusalDetails } from './refused-by-service';

/** Trailer that carries a serialized mandate.v1.Refusal. */
const REFUSAL_TRAILER = 'mandate-refusal-bin';
/** More than the service ever puts into a trailer; what is larger is not parsed. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** A failed call as a MandateError: the service's own refusal where it sent one, otherwise what the status says. */
export function callFailure(error: ServiceError, socket: string, unreachable: (socket: string) => MandateError): MandateError {
  const refusal = refusalIn(error.metadata);
  if (refusal && isErrorCode(refusal.code)) return new RefusedByService(refusal.code, detailsOf(refusal), { cause: error });
  const status: number = error.code;
  if (status === GRPC.unavailable) return unreachable(socket);
  return new MandateError(codeOfStatus(status), { saw: `gRPC status ${status}: ${error.details}`.slice(0, 300) }, { cause: error });
}

function refusalIn(metadata: Metadata | undefined): Refusal | undefined {
  const value = metadata?.get(REFUSAL_TRAILER)[0];
  if (!Buffer.isBuffer(value) || value.length > MAX_REFUSAL_BYTES) return undefined;
  try {
    return fromBinary(RefusalSchema, value);
  } catch {
    return undefined;
  }
}

/** The details of a refusal message, whether it came in a trailer or in a stream. */
export function detailsOf(refusal: Refusal): RefusalDetails {
  return {
    saw: refusal.saw.map((fact) => ({ selector: fact.selector, value: fact.value, assurance: processAssurance(fact.assurance) })),
    rule: refusal.rule,
    ruleVersion: refusal.ruleVersion,
    conditions: refusal.conditions.map((condition) => ({
      selector: condition.selector,
      holds: condition.holds,
      seen: condition.seen,
      expected: condition.expected.length > 0 ? condition.expected : null,
    })),
    remedy: refusal.remedy,
    request: refusal.request,
    message: refusal.message,
  };
}

/** What a bare status means here; the standard's four answers of the Workload API among them. */
function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case GRPC.invalidArgument:
      return 'E_REQUEST';
    case GRPC.deadlineExceeded:
      return 'E_TIMEOUT';
    case GRPC.notFound:
      return 'E_NOT_FOUND';
    case GRPC.permissionDenied:
      return 'E_NO_RULE';
    case GRPC.resourceExhausted:
      return 'E_OVERLOADED';
    case GRPC.unimplemented:
      return 'E_UNIMPLEMENTED';
    case GRPC.dataLoss:
      return 'E_INTEGRITY';
    default:
      return 'E_INTERNAL';
  }
}
