import { uriNamesOf } from '../domain/certificate';
import { MandateError } from '../domain/errors';
import { parseSpiffeId } from '../domain/spiffe-id';
import type { Authority } from './authority';
import type { BundleKeys } from './bundle-entries';
import { readEntries, readRoots } from './bundle-entries';
import { readPemCertificates } from './pem-certificates';
import { Roots } from './roots';
import { isObject, memberTexts, parseStrictJson } from './strict-json';

/** Upper bound of a bundle, checked before it is parsed. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;
/** To read a key takes up to 0.2 ms. */
export const MAX_BUNDLE_KEYS = 128;
/** A longer hint counts as this: 31 days. */
export const MAX_REFRESH_HINT_SECONDS = 31 * 24 * 3600;

/** What SVIDs of one trust domain are verified against, with every authority read and checked once. */
export interface TrustBundle extends BundleKeys {
  /** Undefined where the document does not say and nobody else did: then nothing verifies against it. */
  readonly trustDomain: string | undefined;
  /** The roots again, found by name. */
  readonly issuers: Roots;
  /** `spiffe_sequence`, at most 64 bits; undefined where the document has none. */
  readonly sequence: bigint | undefined;
  /** Undefined where the document has none that can be used. */
  readonly refreshHintSeconds: number | undefined;
}

/** One bundle, or one of each trust domain under its name (without `spiffe://`). */
export type TrustBundles = TrustBundle | ReadonlyMap<string, TrustBundle>;

/** The bundle of exactly this trust domain, or undefined: no other one ever answers for it. */
export function bundleOf(bundles: TrustBundles, trustDomain: string): TrustBundle | undefined {
  const bundle = 'issuers' in bundles ? bundles : bundles.get(trustDomain);
  return bundle?.trustDomain === trustDomain ? bundle : undefined;
}

/** What a refusal for want of an authority adds where the bundle has entries that could not be read: one of them may be the one. */
export const ignoredIn = ({ ignored: [first, ...rest] }: TrustBundle): string =>
  first === undefined ? '' : `; ignored in the bundle: ${first}${rest.length === 0 ? '' : `, and ${rest.length} more`}`;

/**
 * Reads a bundle from a SPIFFE bundle document, a JWK Set or PEM, of at most 1 MiB. None of them names its trust domain: it is the one
 * given, or else the one that every root bears as its SPIFFE ID. Throws E_NOT_VERIFIED where the document is none of the three.
 */
export function parseBundle(bytes: Buffer, trustDomain?: string): TrustBundle {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');
  const text = utf8(bytes);
  if (!text.trimStart().startsWith('{')) return prepared(pemKeys(text), trustDomain);
  return readDocument(text, parseJson(text), trustDomain);
}

/** The same for the answer of a bundle endpoint, which is a SPIFFE bundle document and nothing else. */
export function parseBundleDocument(bytes: Buffer, trustDomain: string): TrustBundle {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('it is larger than 1 MiB');
  const text = utf8(bytes);
  if (!text.trimStart().startsWith('{')) throw unusable('it is not a JSON object');
  return readDocument(text, parseJson(text), trustDomain);
}

/** A bundle from one JSON object: its text as well, for integers that JSON.parse rounds. Throws E_NOT_VERIFIED. */
export function readDocument(text: string, document: unknown, trustDomain?: string): TrustBundle {
  const entries = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(entries)) throw unusable('it has no array of keys');
  if (entries.length > MAX_BUNDLE_KEYS) throw unusable(`it has more than ${MAX_BUNDLE_KEYS} keys`);
  const members = memberTexts(text);
  return prepared(readEntries(entries as readonly unknown[]), trustDomain, {
    sequence: sequenceOf(members.get('spiffe_sequence')),
    refreshHintSeconds: hintOf(members.get('spiffe_refresh_hint')),
  });
}

function prepared(
  keys: BundleKeys,
  trustDomain = commonTrustDomain(keys.roots),
  { sequence, refreshHintSeconds }: Partial<Pick<TrustBundle, 'sequence' | 'refreshHintSeconds'>> = {},
): TrustBundle {
  return { ...keys, issuers: new Roots(keys.roots), trustDomain, sequence, refreshHintSeconds };
}

type Sequenced = Pick<TrustBundle, 'sequence'>;

/** True where `next` is an older document than `held`: by sequence, if both have one (Trust Domain and Bundle §4.1.1). */
export const isOlder = (next: Sequenced, held: Sequenced | undefined): boolean =>
  next.sequence !== undefined && held?.sequence !== undefined && next.sequence < held.sequence;

function pemKeys(text: string): BundleKeys {
  const certificates = readPemCertificates(text, MAX_BUNDLE_KEYS);
  if (!certificates) throw unusable(`it is neither PEM of 1 to ${MAX_BUNDLE_KEYS} certificates nor a JSON object`);
  return readRoots(certificates);
}

/** Text of bytes that must be UTF-8. A byte order mark stays, and is refused with what follows. Throws E_NOT_VERIFIED. */
export function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw unusable('it is not UTF-8', error);
  }
}

/** Strict JSON. Throws E_NOT_VERIFIED. */
export function parseJson(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw unusable('it is not strict JSON', error);
  }
}

const MAX_SEQUENCE = 2n ** 64n - 1n;

/** A sequence is an integer, in digits alone, of at most 64 bits. Whoever sends another form can not be compared, and is refused. */
function sequenceOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const sequence = /^(0|[1-9][0-9]{0,19})$/.test(text) ? BigInt(text) : undefined;
  if (sequence === undefined || sequence > MAX_SEQUENCE) throw unusable('its sequence is not an integer of 64 bits');
  return sequence;
}

/** A hint that is not a positive integer is as good as none. */
function hintOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9][0-9]*$/.test(text) ? Math.min(Number(text), MAX_REFRESH_HINT_SECONDS) : undefined;
}

function commonTrustDomain(roots: readonly Authority[]): string | undefined {
  const domains = new Set(roots.map(trustDomainOf));
  const [only] = domains;
  return domains.size === 1 ? only : undefined;
}

/** The trust domain that a root names as its SPIFFE ID, or undefined. Throws nothing. */
function trustDomainOf({ certificate }: Authority): string | undefined {
  try {
    const uris = uriNamesOf(certificate);
    const id = uris.length === 1 ? parseSpiffeId(uris[0] as string) : undefined;
    return id?.path === '' ? id.trustDomain : undefined;
  } catch {
    return undefined;
  }
}

/** A bundle document that cannot be used. */
export const unusable = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_NOT_VERIFIED', { saw: 'a trust bundle that cannot be used', why }, { cause });
