import { MandateError } from '../domain/errors';
import { parseTrustDomain } from '../domain/spiffe-id';
import { isObject, memberTexts } from './strict-json';
import type { TrustBundle, TrustBundles } from './trust-bundle';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_KEYS, parseBundle, parseJson, readDocument, unusable, utf8 } from './trust-bundle';

const MAX_TRUST_DOMAINS = 256;

/**
 * Reads a SPIFFE Bundle Map: the bundles of at most 256 trust domains in one document, of at most 1 MiB and 128 keys in all. It stands for the
 * whole state: what is not in it is not trusted. Throws E_NOT_VERIFIED where any part of it cannot be used.
 */
export function parseBundleMap(bytes: Buffer): ReadonlyMap<string, TrustBundle> {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');
  const text = utf8(bytes);
  return readMap(text, parseJson(text));
}

/** Reads a SPIFFE Bundle Map, which has a member `trust_domains`, or else one bundle, as parseBundle does. */
export function parseBundles(bytes: Buffer, trustDomain?: string): TrustBundles {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');
  const text = utf8(bytes);
  if (!text.trimStart().startsWith('{')) return parseBundle(bytes, trustDomain);
  const document = parseJson(text);
  return isObject(document) && 'trust_domains' in document ? readMap(text, document) : readDocument(text, document, trustDomain);
}

function readMap(text: string, document: unknown): ReadonlyMap<string, TrustBundle> {
  const domains = isObject(document) ? document['trust_domains'] : undefined;
  if (!isObject(domains)) throw unusable('it has no object of trust domains');
  const bundles = Object.values(domains);
  if (bundles.length > MAX_TRUST_DOMAINS) throw unusable(`it has more than ${MAX_TRUST_DOMAINS} trust domains`);
  checkKeyCount(bundles);
  const texts = memberTexts(memberTexts(text).get('trust_domains') as string);
  return new Map(Object.entries(domains).map(([name, inner]) => [checkName(name), bundleIn(texts.get(name) as string, inner, name)]));
}

/** The hint of an inner bundle has no meaning: the map is fetched as a whole. */
const bundleIn = (text: string, document: unknown, trustDomain: string): TrustBundle => ({
  ...readDocument(text, document, trustDomain),
  refreshHintSeconds: undefined,
});

function checkKeyCount(bundles: readonly unknown[]): void {
  const count = bundles.reduce<number>((sum, one) => sum + (isObject(one) && Array.isArray(one['keys']) ? one['keys'].length : 0), 0);
  if (count > MAX_BUNDLE_KEYS) throw unusable(`it has more than ${MAX_BUNDLE_KEYS} keys`);
}

/** The bare name of a trust domain; `spiffe://name` is none here. */
function checkName(name: string): string {
  try {
    if (parseTrustDomain(name) === name) return name;
  } catch (error) {
    if (!(error instanceof MandateError)) throw error;
  }
  throw unusable('it names a trust domain that is none');
}
