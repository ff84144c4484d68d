import { createPublicKey, verify } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import { basicConstraintsOf, EXTENSION, KEY_USAGE, keyUsageOf } from '../domain/certificate';

/** Signature algorithms by AlgorithmIdentifier (hex) and the digest each one names. SHA-1 and MD5 are not among them. */
const DIGESTS: Readonly<Record<string, string>> = {
  '300a06082a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '300a06082a8648ce3d040303': 'sha384',
  '300a06082a8648ce3d040304': 'sha512',
  '300d06092a864886f70d01010b0500': 'sha256', // sha256WithRSAEncryption
  '300d06092a864886f70d01010c0500': 'sha384',
  '300d06092a864886f70d01010d0500': 'sha512',
};

const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(EXTENSION));
const NAME_CONSTRAINTS = '551d1e';

/**
 * Looks for a path from the leaf to a root, straight or by one of the certificates sent along (RFC 5280 §6). Returns undefined where
 * there is one that holds at `nowMs`, else why the most promising one does not.
 */
export function checkPath(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  nowMs: number,
): string | undefined {
  const late = dateFault(leaf, nowMs);
  if (late) return `the leaf ${late}`;
  let nearest = 'no root of the bundle issued it';
  const issued = (child: Certificate, below: number): boolean =>
    roots.some((root) => {
      const fault = linkFault(child, root, below, nowMs);
      if (fault !== undefined && fault !== STRANGER) nearest = `a root ${fault}`;
      return fault === undefined;
    });
  if (issued(leaf, 0)) return undefined;
  for (const between of intermediates) {
    const fault = linkFault(leaf, between, 0, nowMs);
    if (fault === undefined && issued(between, 1)) return undefined;
    if (fault !== undefined && fault !== STRANGER) nearest = `an intermediate ${fault}`;
  }
  return nearest;
}

/** True where a critical extension asks for something that is not checked here, name constraints above all. */
export const unhandledExtension = (certificate: Certificate): boolean =>
  [...certificate.extensions].some(([oid, { critical }]) => critical && !UNDERSTOOD.has(oid));

const STRANGER = 'has another name';

/** Why `issuer` may not stand above `child` with `below` intermediates under it, or undefined. */
function linkFault(child: Certificate, issuer: Certificate, below: number, nowMs: number): string | undefined {
  if (!issuer.subject.equals(child.issuer)) return STRANGER;
  const late = dateFault(issuer, nowMs);
  if (late) return late;
  const constraints = basicConstraintsOf(issuer);
  if (!constraints?.ca) return 'is not an authority';
  if ((constraints.pathLength ?? below) < below) return 'allows no intermediate';
  if (((keyUsageOf(issuer) ?? 0) & KEY_USAGE.keyCertSign) === 0) return 'may not sign certificates';
  // RFC 5280 makes name constraints critical; a copy that is not would be the excuse to skip them.
  if (unhandledExtension(issuer) || issuer.extensions.has(NAME_CONSTRAINTS)) return 'has a constraint that is not understood';
  return isSignedBy(child, issuer) ? undefined : 'did not sign it';
}

function dateFault(certificate: Certificate, nowMs: number): string | undefined {
  // Both ends are part of the validity (RFC 5280 §4.1.2.5). Written so that NaN is outside of it.
  if (!(nowMs >= certificate.notBeforeMs)) return 'is not valid yet';
  return nowMs <= certificate.notAfterMs ? undefined : 'has expired';
}

function isSignedBy(child: Certificate, issuer: Certificate): boolean {
  const digest = DIGESTS[child.algorithm.toString('hex')];
  if (digest === undefined) return false;
  try {
    const key = createPublicKey({ key: issuer.spki, format: 'der', type: 'spki' });
    const rsa = child.algorithm.length > 12;
    const strong = !rsa || (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
    return key.asymmetricKeyType === (rsa ? 'rsa' : 'ec') && strong && verify(digest, child.tbs, key, child.signature);
  } catch {
    return false;
  }
}
