import { create } from '@bufbuild/protobuf';
import { type handleServerStreamingCall, type handleUnaryCall, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Clock } from '../domain/ports';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
  HealthCheckResponseSchema,
} from '../generated/proto/grpc/health/v1/health_pb';

/** How often a watched state is looked at. */
const WATCH_MS = 1_000;

/**
 * The gRPC health checking protocol for the server as a whole (empty service name) and for the services named. `missing` lists what it
 * waits for; nobody has to be attested to ask.
 */
export function healthService(
  services: readonly string[],
  missing: () => Promise<readonly string[]>,
  clock: Clock,
): UntypedServiceImplementation {
  const known = (name: string) => name === '' || services.includes(name);
  const state = async () => ((await missing()).length === 0 ? Serving.SERVING : Serving.NOT_SERVING);
  const answer = (serving: Serving) => create(HealthCheckResponseSchema, { status: serving });

  const check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = (call, callback) => {
    if (!known(call.request.service)) return callback({ code: status.NOT_FOUND, details: 'no such service' });
    state().then(
      (serving) => callback(null, answer(serving)),
      () => callback(null, answer(Serving.NOT_SERVING)),
    );
  };

  const watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (call) => {
    let told: Serving | undefined;
    let cancel = (): void => undefined;
    const look = async (): Promise<void> => {
      const now = known(call.request.service) ? await state().catch(() => Serving.NOT_SERVING) : Serving.SERVICE_UNKNOWN;
      if (call.cancelled) return;
      if (now !== told) call.write(answer(now));
      told = now;
      cancel = clock.after(WATCH_MS, () => void look());
    };
    call.on('cancelled', () => cancel());
    void look();
  };

  return { check, watch };
}
