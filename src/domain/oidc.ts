import type { Bundle } from './bundle';
import { p256Coordinates } from './p256';

/** What lets JWT-SVIDs be read as OpenID Connect ID tokens (OpenID Connect Discovery 1.0): documents, paths, and the form of an issuer. */

/** Bytes of `sub` in an ID token (OpenID Connect Core §2). */
export const MAX_SUBJECT = 255;

/**
 * An https URL that is written in one way only, since `iss` is compared byte for byte: lower-case host, no user, query, fragment, dot
 * segment, empty segment or slash at its end.
 */
export const ISSUER =
  /^(?=.{1,255}$)https:\/\/[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*$/;

const DISCOVERY = '/.well-known/openid-configuration';
const KEYS = '/.well-known/jwks.json';

/** Where the two documents of an issuer are served, as paths of its host. */
export function oidcPaths(issuer: string): { readonly discovery: string; readonly keys: string } {
  const { pathname } = new URL(issuer);
  const base = pathname === '/' ? '' : pathname;
  return { discovery: base + DISCOVERY, keys: base + KEYS };
}

export const discoveryUrl = (issuer: string): string => issuer + DISCOVERY;

/**
 * The discovery document. Nobody logs in here, so the authorisation endpoint is empty. RS256 is listed because Discovery §3 says that it
 * is; nothing is signed with it, and every key says `ES256` (ADR 0025).
 */
export const discoveryJson = (issuer: string): string =>
  JSON.stringify({
    issuer,
    jwks_uri: issuer + KEYS,
    authorization_endpoint: '',
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  });

/** The keys that sign JWT-SVIDs, for relying parties of OpenID Connect: a set of its own, which holds nothing that X.509 rests on. */
export const oidcKeysJson = ({ jwt }: Pick<Bundle, 'jwt'>): string =>
  JSON.stringify({
    keys: jwt.map(({ kid, point }) => ({ use: 'sig', alg: 'ES256', kid, kty: 'EC', crv: 'P-256', ...p256Coordinates(point) })),
  });
