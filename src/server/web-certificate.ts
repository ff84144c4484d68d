import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { MandateError } from '../domain/errors';
import type { TlsIdentity } from './https-listener';

/** Keys of Mozilla's intermediate profile. */
const CURVES = ['prime256v1', 'secp384r1'];
const LEAST_RSA_BITS = 2048;

/** Milliseconds since the epoch at which the first certificate of a PEM text ends. */
export const notAfterMs = (certificatePem: string): number => Date.parse(new X509Certificate(certificatePem).validTo);

/**
 * Judges a certificate and key for the web endpoint before anybody is shown them: they belong together, name the endpoint, are valid now
 * and strong enough. Throws E_WEB_CERTIFICATE; who issued it is for callers to judge.
 */
export function assureWebCertificate({ certificatePem, keyPem }: TlsIdentity, name: string, nowMs: number): void {
  const certificate = parsed('the certificate is not PEM', () => new X509Certificate(certificatePem));
  // Reading an encrypted key would ask for a passphrase that nobody can type.
  const key = parsed('the key is not PEM, or it is encrypted', () => createPrivateKey(keyPem));
  const fault = faultOf(certificate, key, name, nowMs);
  if (fault !== undefined)
    throw new MandateError('E_WEB_CERTIFICATE', { saw: certificate.subjectAltName?.slice(0, 200) ?? 'no names', why: fault });
  parsed('TLS does not take certificate and key', () => createSecureContext({ cert: certificatePem, key: keyPem }));
}

function faultOf(certificate: X509Certificate, key: KeyObject, name: string, nowMs: number): string | undefined {
  if (!certificate.checkPrivateKey(key)) return 'the key belongs to another certificate';
  const named = isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name);
  if (named === undefined) return `it does not carry ${name}`;
  if (Date.parse(certificate.validTo) <= nowMs) return `it ended at ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > nowMs) return `it begins at ${certificate.validFrom}`;
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const strong =
    (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= LEAST_RSA_BITS) ||
    (key.asymmetricKeyType === 'ec' && CURVES.includes(namedCurve ?? ''));
  return strong ? undefined : 'its key is neither RSA of 2048 bits nor on P-256 or P-384';
}

function parsed<T>(why: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new MandateError('E_WEB_CERTIFICATE', { why }, { cause });
  }
}
