import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import { SpiffeWorkloadAPI } from '../generated/proto/spiffe/workloadapi_pb';
import type { PeerConnection } from '../system/peer-connection';
import { answered, statusOf } from '../wire/refusal';
import type { OpenCalls } from './open-calls';
import { workloadStatus } from './workload-status';

const SECURITY_HEADER = 'workload.spiffe.io';

/**
 * What every call passes first: the security header (SPIFFE Workload Endpoint §3), which a browser or proxy tricked into speaking to
 * the socket would not send, a peer that was not refused, and room among the calls of that peer. Only then does anything that costs begin.
 */
export function gate(peer: (call: { getPeer(): string }) => PeerConnection, open: OpenCalls, log: Log): ServerInterceptor {
  return ({ path }, call) => {
    const status = path.startsWith(`/${SpiffeWorkloadAPI.typeName}/`) ? workloadStatus : statusOf;
    let ended = (): void => undefined;
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const values = metadata.get(SECURITY_HEADER);
            if (values.length !== 1 || values[0] !== 'true') return call.sendStatus(status(new MandateError('E_SECURITY_HEADER')));
            try {
              ended = open.begin(peer(call));
            } catch (thrown) {
              return call.sendStatus(status(answered(thrown, log)));
            }
            proceed(metadata);
          },
          // However a call ends: the library says so of each, answered or not.
          onCancel: () => ended(),
        }),
    });
  };
}
