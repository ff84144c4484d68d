import type { ServiceError } from '@grpc/grpc-js';
import { CATALOGUE, type MandateError } from '../domain/errors';
import type { Refusal } from '../generated/proto/mandate/v1/refusal_pb';
import { RefusedError, errorOfStatus } from '../wire/refusal';
import { RefusedByService, processAssurance, type RefusalDetails } from './refused-by-service';

/** A failed call as a MandateError: the service's own refusal where it sent one, otherwise what the status says. */
export function callFailure(error: ServiceError, socket: string, unreachable: (socket: string) => MandateError): MandateError {
  const failure = errorOfStatus(error);
  if (failure instanceof RefusedError)
    return new RefusedByService(failure.code, detailsOf(failure.refusal, failure.code), { cause: error });
  return failure.code === 'E_NOT_RUNNING' ? unreachable(socket) : failure;
}

/** The details of a refusal message, whether it came in a trailer or in a stream. */
export function detailsOf(refusal: Refusal, code: keyof typeof CATALOGUE): RefusalDetails {
  const { message } = CATALOGUE[code];
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
    // The catalogue's sentence is said anyway; what the service adds to it is the reason.
    why: refusal.message === message ? '' : refusal.message.replace(`${message}: `, ''),
  };
}
