import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { MandateError } from '../domain/errors';
import type { Log } from '../domain/ports';
import type { PeerConnection } from '../system/peer-connection';
import { answered, statusOf } from '../wire/refusal';

const SECURITY_HEADER = 'workload.spiffe.io';

/**
 * What every call passes first: the security header (SPIFFE Workload Endpoint §3), which a browser or proxy tricked into speaking to
 * the socket would not send, and a peer that was not refused. Only then does anything that costs begin.
 */
export function gate(peer: (call: { getPeer(): string }) => PeerConnection, log: Log): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const values = metadata.get(SECURITY_HEADER);
            if (values.length !== 1 || values[0] !== 'true') return call.sendStatus(statusOf(new MandateError('E_SECURITY_HEADER')));
            try {
              peer(call);
            } catch (thrown) {
              return call.sendStatus(statusOf(answered(thrown, log)));
            }
            proceed(metadata);
          },
        }),
    });
}
