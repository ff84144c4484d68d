import { X509Certificate } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { pem } from '../domain/pem';
import { readPemCertificates } from '../verify/pem-certificates';

const MAX_AUTHORITIES = 32;

/** PEM of the authorities in a text, written anew: whatever else the text holds stays out. Throws E_FEDERATION_INVALID where there is none. */
export function readWebCa(text: string): string {
  const ders = readPemCertificates(text, MAX_AUTHORITIES);
  if (!ders || ders.length === 0) throw invalid(`the file for the endpoint holds no PEM of 1 to ${MAX_AUTHORITIES} certificates`);
  if (!ders.every(isAuthority)) throw invalid('the file for the endpoint holds something else than certificates of authorities');
  return ders.map((der) => pem('CERTIFICATE', der)).join('');
}

function isAuthority(der: Buffer): boolean {
  try {
    return new X509Certificate(der).ca;
  } catch {
    return false;
  }
}

const invalid = (why: string): MandateError => new MandateError('E_FEDERATION_INVALID', { why });
