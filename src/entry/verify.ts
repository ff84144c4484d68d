import { EndpointSource, type EndpointSourceOptions } from '../service/endpoint-source';
import { WorkloadSource, type WorkloadSourceOptions } from '../service/workload-source';
import { systemClock } from '../system/clock';
import { systemRandom } from '../system/random';

/**
 * `mandate/verify`, the package's only entry point for other programs: what a service imports to accept agents (docs/services.md). Only what is
 * named here is promised; it is also where the library gets its clock and its randomness.
 */

const world = { clock: systemClock, random: systemRandom };

/** Follows the Workload API that SPIFFE_ENDPOINT_SOCKET names. Throws E_CONFIG, or what kept it from a first answer for 30 s. */
export const openWorkloadSource = (options: WorkloadSourceOptions = {}): Promise<WorkloadSource> => WorkloadSource.open(options, world);

/** Follows the bundle endpoint of one trust domain. Throws for options that cannot be used; a failed fetch goes to `onProblem`. */
export const openEndpointSource = (options: EndpointSourceOptions): Promise<EndpointSource> => EndpointSource.open(options, world);

export { allow, type Authoriser, type Welcome } from '../service/allow';
export { checkRequest, type JwtChecking } from '../service/jwt-check';
export { type FastifyReplyLike, jwtHook, jwtMiddleware } from '../service/jwt-middleware';
export type { EndpointProfile, EndpointSource, EndpointSourceOptions } from '../service/endpoint-source';
export type { Lineage } from '../service/lineage-claim';
export { type Peer, peerOf } from '../service/peer';
export { MemoryReplays, type ReplayStore } from '../service/replays';
export type { BundleSource, IdentitySource, X509Identity } from '../service/sources';
export { channelCredentials, type GrpcListener, grpcListener } from '../service/grpc';
export { joinSources } from '../service/joined-sources';
export { httpsAgent, type TlsCalling } from '../service/tls-client';
export { httpsServer, tlsServer, type TlsServing } from '../service/tls-server';
export type { WorkloadSource, WorkloadSourceOptions } from '../service/workload-source';
export { type ErrorCode, MandateError } from '../domain/errors';
