import { X509Certificate } from 'node:crypto';
import { TAG, tlv } from '../domain/der';
import { MandateError } from '../domain/errors';
import { MAX_FOREIGN_BYTES } from '../domain/federation';
import type { Authority } from './authority';
import { Roots } from './roots';
import { parseBundle, parseBundleDocument, type TrustBundle } from './trust-bundle';

/** Keys of each kind that one partner may have: what is compared with each of them costs in proportion. */
const MAX_AUTHORITIES = 32;
/** Of each kind, as it is passed on; bundles of every partner together fit one message. */
const MAX_PASSED_ON_BYTES = 64 * 1024;

/** The bundle of one foreign trust domain as it is used and passed on: nothing of the document but its public keys. */
export interface ForeignBundle {
  readonly trustDomain: string;
  readonly sequence: bigint | undefined;
  readonly refreshHintSeconds: number | undefined;
  /** To verify SVIDs of that trust domain with. */
  readonly trust: TrustBundle;
  /** Roots in DER, one after the other; empty where there is none. */
  readonly x509: Buffer;
  /** JWK Set of its JWT authorities; empty where there is none. */
  readonly jwks: Buffer;
  /** Entries left out, and why. */
  readonly ignored: readonly string[];
}

/**
 * Reads what a partner, or an administrator in its place, says its keys are: a SPIFFE bundle document, or PEM where `form` allows it.
 * Certificates that a client of the Workload API could stumble over are left out: it would lose all of its trust domains by them, ours too. Throws
 * E_FEDERATION_BUNDLE.
 */
export function readForeignBundle(bytes: Buffer, trustDomain: string, form: 'pem' | 'document'): ForeignBundle {
  if (bytes.length > MAX_FOREIGN_BYTES) throw unusable(`it is larger than ${MAX_FOREIGN_BYTES / 1024} KiB`);
  const read = parsed(bytes, trustDomain, form === 'pem' ? parseBundle : parseBundleDocument);
  const { jwtKeys } = read;
  const roots = read.roots.filter(readByOthers);
  const ignored = [
    ...read.ignored,
    ...(roots.length < read.roots.length ? [`${read.roots.length - roots.length} certificates that only some read`] : []),
  ];
  if (roots.length > MAX_AUTHORITIES || jwtKeys.length > MAX_AUTHORITIES)
    throw unusable(`it has more than ${MAX_AUTHORITIES} authorities of one kind`);
  const trust = { ...read, roots, jwtKeys, issuers: new Roots(roots) };
  // In one order, whatever order the partner lists them in today: equal keys are no change.
  const x509 = Buffer.concat(roots.map(derOf).sort((a, b) => a.compare(b)));
  const jwks = jwtKeys.length === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify({ keys: [...jwtKeys].sort(byKid).map(jwkOf) }));
  if (Math.max(x509.length, jwks.length) > MAX_PASSED_ON_BYTES)
    throw unusable(`its authorities of one kind are larger than ${MAX_PASSED_ON_BYTES / 1024} KiB`);
  return {
    trustDomain,
    sequence: read.sequence,
    refreshHintSeconds: read.refreshHintSeconds,
    trust,
    x509,
    jwks,
    ignored: ignored.slice(0, MAX_AUTHORITIES),
  };
}

function parsed(bytes: Buffer, trustDomain: string, parse: (bytes: Buffer, trustDomain: string) => TrustBundle): TrustBundle {
  try {
    return parse(bytes, trustDomain);
  } catch (error) {
    if (error instanceof MandateError && error.code === 'E_NOT_VERIFIED') throw unusable(error.explanation.why ?? '', error);
    throw error;
  }
}

/** A second parser looks at it: what two do not agree on, a third may refuse. */
function readByOthers(root: Authority): boolean {
  try {
    return new X509Certificate(derOf(root)).ca;
  } catch {
    return false;
  }
}

/** The certificate that was parsed: strict DER is written in one way. */
export const derOf = ({ certificate: { tbs, algorithm, signature } }: Authority): Buffer =>
  tlv(TAG.sequence, tbs, algorithm, tlv(TAG.bitString, Buffer.of(0), signature));

const byKid = (a: { readonly kid: string }, b: { readonly kid: string }): number => (a.kid < b.kid ? -1 : 1);

const jwkOf = ({ kid, key }: TrustBundle['jwtKeys'][number]) => ({ use: 'jwt-svid', kid, ...key.export({ format: 'jwk' }) });

const unusable = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_FEDERATION_BUNDLE', { why }, cause === undefined ? undefined : { cause });
