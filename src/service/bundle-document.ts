import { MandateError } from '../domain/errors';
import { isObject, parseStrictJson } from '../verify/strict-json';
import { MAX_BUNDLE_BYTES, parseBundle, type TrustBundle } from '../verify/trust-bundle';

/** A SPIFFE bundle document: the bundle, and what its publisher says about it. */
export interface BundleDocument {
  readonly bundle: TrustBundle;
  /** Only compared, never shown: beyond 2^53 neighbours look equal, which never takes a newer one for older. */
  readonly sequence: number | undefined;
  /** Undefined where the document does not say, or says nonsense. */
  readonly refreshHintMs: number | undefined;
}

/**
 * Reads the answer of a bundle endpoint. A document without usable keys is an empty bundle: its publisher has revoked everything, and the standard
 * wants that to hold (Trust Domain and Bundle §4). Throws E_NOT_VERIFIED where it is no such document.
 */
export function readBundleDocument(bytes: Buffer, trustDomain: string): BundleDocument {
  if (bytes.length > MAX_BUNDLE_BYTES) throw unusable('larger than 1 MiB');
  const members = membersOf(bytes);
  const { spiffe_sequence: sequence, spiffe_refresh_hint: hint } = members;
  if (sequence !== undefined && !(typeof sequence === 'number' && Number.isInteger(sequence) && sequence >= 0)) {
    throw unusable('a sequence that is not a whole number');
  }
  return {
    bundle: parseBundle(bytes, trustDomain),
    sequence,
    refreshHintMs: typeof hint === 'number' && Number.isInteger(hint) && hint > 0 ? hint * 1000 : undefined,
  };
}

function membersOf(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const members = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(members)) return members;
  } catch (cause) {
    throw unusable('not strict JSON in UTF-8', cause);
  }
  throw unusable('not a JSON object');
}

const unusable = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_NOT_VERIFIED', { saw: 'a bundle document that cannot be used', why }, { cause });
