import type { Bundle } from './bundle';
import { algorithmOf, jwkMembers, JWT_ALGORITHMS } from './jwt-key';

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
 * The discovery document. Nobody logs in here, so the authorisation endpoint is empty. RS256 is listed whether or not a rule asks for it by now:
 * Discovery §3 says that it is, and libraries refuse a document without it. Which keys there are, the key set says, each with its algorithm.
 */
export const discoveryJson = (issuer: string): string =>
  JSON.stringify({
    issuer,
    jwks_uri: issuer + KEYS,
    authorization_endpoint: '',
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: JWT_ALGORITHMS,
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  });

/** The keys that sign JWT-SVIDs, for relying parties of OpenID Connect: a set of its own, which holds nothing that X.509 rests on. */
export const oidcKeysJson = ({ jwt }: Pick<Bundle, 'jwt'>): string =>
  JSON.stringify({
    keys: jwt.map((key) => ({ use: 'sig', alg: algorithmOf(key), kid: key.kid, ...jwkMembers(key) })),
  });
