import {
  JWTBundlesRequestSchema,
  JWTBundlesResponseSchema,
  JWTSVIDRequestSchema,
  JWTSVIDResponseSchema,
  ValidateJWTSVIDRequestSchema,
  ValidateJWTSVIDResponseSchema,
  X509BundlesRequestSchema,
  X509BundlesResponseSchema,
  X509SVIDRequestSchema,
  X509SVIDResponseSchema,
} from '../../src/generated/proto/spiffe/workloadapi_pb';
import type { CallOptions, WireClient } from './wire-client';

/** The five calls of the Workload API that are served, by their paths on the wire. */
export const fetchX509Svid = (client: WireClient, options?: CallOptions) =>
  client.call('/SpiffeWorkloadAPI/FetchX509SVID', [X509SVIDRequestSchema, X509SVIDResponseSchema], {}, options);

export const fetchX509Bundles = (client: WireClient, options?: CallOptions) =>
  client.call('/SpiffeWorkloadAPI/FetchX509Bundles', [X509BundlesRequestSchema, X509BundlesResponseSchema], {}, options);

export const fetchJwtBundles = (client: WireClient, options?: CallOptions) =>
  client.call('/SpiffeWorkloadAPI/FetchJWTBundles', [JWTBundlesRequestSchema, JWTBundlesResponseSchema], {}, options);

export const fetchJwtSvid = (client: WireClient, audience: string[], spiffeId = '', options?: CallOptions) =>
  client.call('/SpiffeWorkloadAPI/FetchJWTSVID', [JWTSVIDRequestSchema, JWTSVIDResponseSchema], { audience, spiffeId }, options);

export const validateJwtSvid = (client: WireClient, svid: string, audience: string, options?: CallOptions) =>
  client.call(
    '/SpiffeWorkloadAPI/ValidateJWTSVID',
    [ValidateJWTSVIDRequestSchema, ValidateJWTSVIDResponseSchema],
    { svid, audience },
    options,
  );
