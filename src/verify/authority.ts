import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import { basicConstraintsOf, EXTENSION, KEY_USAGE, keyUsageOf, subjectKeyIdOf } from '../domain/certificate';
import { signingKeyOf } from './certificate-signature';
import type { NameConstraints } from './name-constraints';
import { NAME_CONSTRAINTS, nameConstraintsOf } from './name-constraints';

/** A certificate that may sign others, with all that paths through it need, read and checked once. */
export interface Authority {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  /** SubjectKeyIdentifier in hex, undefined where it has none. */
  readonly keyId: string | undefined;
  /** How many intermediates may follow; undefined for any number. */
  readonly pathLength: number | undefined;
  readonly constraints: NameConstraints | undefined;
}

const UNDERSTOOD: ReadonlySet<string> = new Set([...Object.values(EXTENSION), NAME_CONSTRAINTS]);

/** Policy constraints must be critical (RFC 5280 §4.2.1.11); a copy that is not would be the excuse to skip them. */
const NEVER_SKIPPED: readonly string[] = ['551d24'];

/** True where a critical extension asks for something that is not checked here. */
export const unhandledExtension = (certificate: Certificate): boolean =>
  NEVER_SKIPPED.some((oid) => certificate.extensions.has(oid)) ||
  [...certificate.extensions].some(([oid, { critical }]) => critical && !UNDERSTOOD.has(oid));

/** The authority that a certificate is (X509-SVID §3 and §4), or why it is none. Dates are left to each use. Throws DerError. */
export function authorityOf(certificate: Certificate): Authority | string {
  const basic = basicConstraintsOf(certificate);
  if (!basic?.ca) return 'is not an authority';
  if (((keyUsageOf(certificate) ?? 0) & KEY_USAGE.keyCertSign) === 0) return 'may not sign certificates';
  const constraints = nameConstraintsOf(certificate);
  if (constraints === 'unreadable' || unhandledExtension(certificate)) return 'has a constraint that is not understood';
  const key = signingKeyOf(certificate);
  if (!key) return 'has a key that cannot be used';
  return { certificate, key, keyId: subjectKeyIdOf(certificate)?.toString('hex'), pathLength: basic.pathLength, constraints };
}
