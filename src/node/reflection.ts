import type { handleBidiStreamingCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Log } from '../domain/ports';
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../generated/proto/grpc/reflection/v1/reflection_pb';
import { SpiffeWorkloadAPI } from '../generated/proto/spiffe/workloadapi_pb';
import { grpcService } from '../wire/grpc';
import { reflection } from '../wire/reflection';
import { answered } from '../wire/refusal';
import { MalformedRequest, workloadStatus } from './workload-status';

const SERVICE = grpcService(ServerReflection, new MalformedRequest());

/** The service under its name, and under the one that it had before: many clients know only that. The messages are the same. */
export const REFLECTION_SERVICES: readonly ServiceDefinition[] = ['v1', 'v1alpha'].map((version) =>
  Object.fromEntries(
    Object.entries(SERVICE).map(([name, method]) => [name, { ...method, path: method.path.replace('.v1.', `.${version}.`) }]),
  ),
);

/**
 * gRPC server reflection (SPIFFE Workload Endpoint §3): it tells of the Workload API and of itself, behind the security header. What
 * launchers of ours speak on the same socket is promised to nobody, so it is not told of.
 */
export function reflectionApi(log: Log): UntypedServiceImplementation {
  const answer = reflection([SpiffeWorkloadAPI, ServerReflection]);
  const serverReflectionInfo: handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> = (call) => {
    const take = (request: ServerReflectionRequest): void => {
      try {
        MalformedRequest.refuse(request);
        // Who does not read is asked for nothing more: one answer waits, not a queue of them.
        if (call.write(answer(request))) return;
        call.pause();
        call.once('drain', () => call.resume());
      } catch (thrown) {
        call.off('data', take);
        const status = workloadStatus(answered(thrown, log));
        call.emit('error', Object.assign(new Error(status.details), status));
      }
    };
    call.on('data', take);
    call.on('end', () => call.end());
  };
  return { serverReflectionInfo };
}
