import { MandateError } from './errors';
import { isTrustDomain, parseSpiffeId } from './spiffe-id';

/** How a bundle endpoint is authenticated (SPIFFE Federation §5.2): by the Web PKI and its host name, or by its X509-SVID. */
export const PROFILES = ['https_web', 'https_spiffe'] as const;
export type FederationProfile = (typeof PROFILES)[number];

/** Partners of one installation. Bundles of as many, each of the largest size, fit one message of the Workload API (4 MiB). */
export const MAX_PARTNERS = 50;
/** Largest bundle document of a partner, checked before it is parsed; one with two authorities of each kind has about 4 KiB. */
export const MAX_FOREIGN_BYTES = 256 * 1024;
const MAX_URL_BYTES = 2048;

/** What an administrator says of a foreign trust domain. Nothing of it follows from anything else of it. */
export interface Relationship {
  readonly trustDomain: string;
  readonly url: string;
  readonly profile: FederationProfile;
  /** SPIFFE ID of the endpoint; exactly with `https_spiffe`. */
  readonly endpointId: string | null;
  /** PEM of the authorities to check the endpoint with instead of the public ones; at most with `https_web`. */
  readonly webCa: string | null;
}

/** A relationship on record, with the newest bundle document of its trust domain. */
export interface FederationRow extends Relationship {
  readonly id: string;
  /** Who added it: account and process. */
  readonly author: string;
  readonly addedAtMs: number;
  readonly document: StoredDocument | null;
}

export interface StoredDocument {
  readonly bytes: Buffer;
  /** When it was given or fetched. */
  readonly atMs: number;
  /** False where an administrator gave it. */
  readonly fetched: boolean;
}

/** Throws E_FEDERATION_INVALID where this is no relationship that an installation of `ownTrustDomain` may have. */
export function checkRelationship(wish: Relationship, ownTrustDomain: string): void {
  const { trustDomain, url, profile, endpointId, webCa } = wish;
  if (!isTrustDomain(trustDomain)) throw invalid('the name is not one of a trust domain');
  if (trustDomain === ownTrustDomain) throw invalid('it is the trust domain of this installation');
  const fault = endpointUrlFault(url);
  if (fault !== undefined) throw invalid(fault);
  if (profile === 'https_web' && endpointId !== null)
    throw invalid('an endpoint of profile https_web has no SPIFFE ID', 'leave --endpoint-id out');
  if (profile === 'https_spiffe' && endpointId === null)
    throw invalid(
      'an endpoint of profile https_spiffe is known by its SPIFFE ID',
      'give --endpoint-id; that of a Mandate is spiffe://TRUST-DOMAIN/mandate/server',
    );
  if (profile === 'https_spiffe' && webCa !== null)
    throw invalid('an endpoint of profile https_spiffe is not checked by the Web PKI', 'leave --ca out');
  if (endpointId !== null && parseSpiffeId(endpointId).path === '') throw invalid('the SPIFFE ID of an endpoint has a path');
}

/** The trust domain whose bundle authenticates the endpoint; undefined for the Web PKI. */
export const endpointTrustDomain = ({ endpointId }: Relationship): string | undefined =>
  endpointId === null ? undefined : parseSpiffeId(endpointId).trustDomain;

/** Scheme, one authority without userinfo, path and query in visible ASCII; a backslash is a slash to some and not to others. */
const ENDPOINT_URL = /^https:\/\/[^/?#@\\\s]+([/?][^#\\\s]*)?$/;

/** Why this is not the URL of a bundle endpoint (SPIFFE Federation §5.1), or undefined. Nothing is normalised. */
export function endpointUrlFault(url: string): string | undefined {
  if (url.length > MAX_URL_BYTES) return `the URL is longer than ${MAX_URL_BYTES} bytes`;
  if (!/^[\x21-\x7e]*$/.test(url)) return 'the URL has other characters than visible ASCII';
  if (!url.startsWith('https://')) return 'the URL does not start with https://';
  if (/^https:\/\/[^/?#]*@/.test(url)) return 'the URL names a user';
  if (!ENDPOINT_URL.test(url) || !URL.canParse(url)) return 'the URL is not one of an endpoint';
  return undefined;
}

const invalid = (why: string, fix?: string): MandateError =>
  new MandateError('E_FEDERATION_INVALID', { why, ...(fix !== undefined && { fix }) });
