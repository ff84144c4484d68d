const BLOCK = /-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]*?)-----END CERTIFICATE-----/g;

/**
 * DER of each certificate in PEM text (RFC 7468), in order. Undefined where there is none, more than `limit`, or anything else than
 * white space between them: what surrounds a certificate is read by some and skipped by others.
 */
export function readPemCertificates(text: string, limit: number): readonly Buffer[] | undefined {
  if (text.replace(BLOCK, '').trim() !== '') return undefined;
  const ders: Buffer[] = [];
  for (const [, body] of text.matchAll(BLOCK)) {
    const base64 = (body as string).replace(/[\r\n]/g, '');
    const der = Buffer.from(base64, 'base64');
    if (ders.length === limit || der.toString('base64') !== base64) return undefined;
    ders.push(der);
  }
  return ders.length > 0 ? ders : undefined;
}
