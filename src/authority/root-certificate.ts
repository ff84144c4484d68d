import { createHash, createPublicKey, verify } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import {
  basicConstraintsOf,
  ECDSA_SHA256,
  EXTENSION,
  KEY_USAGE,
  keyUsageOf,
  parseCertificate,
  subjectKeyIdOf,
  uriNamesOf,
} from '../domain/certificate';
import { DerError } from '../domain/der';
import { MandateError } from '../domain/errors';
import { p256PointOf } from '../domain/p256';
import { makeCertificate } from './certificate-maker';
import type { SigningKey } from './signing-key';

export interface RootWish {
  readonly trustDomain: string;
  readonly key: SigningKey;
  /** Uncompressed point of the key. */
  readonly point: Buffer;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A self-signed root of its trust domain (X509-SVID §3 and §4): DER. */
export function createRoot(wish: RootWish): Promise<Buffer> {
  return makeCertificate({
    serial: wish.serial,
    subject: { organization: wish.trustDomain, commonName: `Mandate X.509 authority ${keyIdOf(wish.point).toString('hex', 0, 4)}` },
    issuer: null,
    notBeforeMs: wish.notBeforeMs,
    notAfterMs: wish.notAfterMs,
    publicKey: wish.point,
    signingKey: wish.key,
    authorityPoint: null,
    role: 'authority',
    uri: `spiffe://${wish.trustDomain}`,
  });
}

/** SubjectKeyIdentifier of a key: SHA-1 of its point (RFC 5280 §4.2.1.2, method 1). It names, it protects nothing. */
export const keyIdOf = (point: Buffer): Buffer => createHash('sha1').update(point).digest();

/** A root as read back, known to be one of ours in form. */
export interface Root {
  readonly der: Buffer;
  readonly certificate: Certificate;
  readonly point: Buffer;
  readonly keyId: Buffer;
}

/** Reads a root and checks everything its leaves will rest on. Throws E_INTEGRITY where a stored certificate is not one that this code makes. */
export function readRoot(der: Buffer, trustDomain: string): Root {
  try {
    const certificate = parseCertificate(der);
    const point = p256PointOf(certificate.spki);
    const fault = point ? rootFault(certificate, point, trustDomain) : 'its key is not on P-256';
    if (!point || fault) throw new DerError(fault);
    return { der, certificate, point, keyId: keyIdOf(point) };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new MandateError(
      'E_INTEGRITY',
      { saw: 'a stored X.509 authority certificate', why: error.message, fix: 'restore the database from a backup' },
      { cause: error },
    );
  }
}

function rootFault(certificate: Certificate, point: Buffer, trustDomain: string): string | undefined {
  const constraints = basicConstraintsOf(certificate);
  const uris = uriNamesOf(certificate);
  if (!constraints?.ca || !certificate.extensions.get(EXTENSION.basicConstraints)?.critical) return 'it is not marked as an authority';
  if (keyUsageOf(certificate) !== (KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)) return 'its key usage is not that of an authority';
  if (!certificate.extensions.get(EXTENSION.keyUsage)?.critical) return 'its key usage is not critical';
  if (uris.length !== 1 || uris[0] !== `spiffe://${trustDomain}`) return 'it belongs to another trust domain';
  if (!subjectKeyIdOf(certificate)?.equals(keyIdOf(point))) return 'its key identifier is of another key';
  if (certificate.subject.length <= 2 || !certificate.subject.equals(certificate.issuer)) return 'it is not self-issued';
  if (!certificate.algorithm.equals(ECDSA_SHA256)) return 'its signature algorithm is another one';
  const key = createPublicKey({ key: certificate.spki, format: 'der', type: 'spki' });
  return verify('sha256', certificate.tbs, key, certificate.signature) ? undefined : 'its signature does not verify';
}
