import { X509Certificate } from 'node:crypto';
import type { JwtSvidItem, X509SvidItem } from '../domain/answers';
import { MandateError } from '../domain/errors';
import type { JWTSVID, X509SVID } from '../generated/proto/spiffe/workloadapi_pb';
import { utc } from './times';

/** Hex digits of every serial this issuer gives out. */
const SERIAL_DIGITS = 32;
/** Longest payload of a token that is looked into. */
const MAX_PAYLOAD = 16 * 1024;

/** What `svid` shows of an X509-SVID: read from the certificate itself, not verified. */
export function x509Item(svid: X509SVID): X509SvidItem {
  const certificate = new X509Certificate(firstElement(svid.x509Svid));
  return {
    spiffeId: svid.spiffeId,
    serial: certificate.serialNumber.toLowerCase().padStart(SERIAL_DIGITS, '0'),
    notBefore: utc(Date.parse(certificate.validFrom)),
    notAfter: utc(Date.parse(certificate.validTo)),
    hint: svid.hint,
  };
}

/** The leaf of a chain of concatenated DER certificates. */
function firstElement(chain: Uint8Array): Uint8Array {
  const lengthBytes = (chain[1] ?? 0) & 0x7f;
  if ((chain[1] ?? 0) < 0x80 || lengthBytes > 3) return chain;
  let length = 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (chain[2 + i] ?? 0);
  return chain.subarray(0, 2 + lengthBytes + length);
}

/** What `svid --jwt` shows of a JWT-SVID: read from its claims, not verified. */
export function jwtItem(svid: JWTSVID): JwtSvidItem {
  const claims = claimsOf(svid.svid);
  const { jti, exp, aud } = claims;
  if (typeof jti !== 'string' || typeof exp !== 'number') throw new MandateError('E_TOKEN', { saw: 'a JWT-SVID without jti or exp' });
  const audience = (Array.isArray(aud) ? aud : [aud]).filter((value) => typeof value === 'string');
  return { spiffeId: svid.spiffeId, serial: jti, audience, notAfter: utc(exp * 1000), hint: svid.hint, token: svid.svid };
}

function claimsOf(token: string): Record<string, unknown> {
  const payload = token.split('.')[1] ?? '';
  try {
    if (payload.length > MAX_PAYLOAD) throw new RangeError('payload too long');
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  } catch (cause) {
    throw new MandateError('E_TOKEN', { saw: 'a JWT-SVID whose claims cannot be read' }, { cause });
  }
  throw new MandateError('E_TOKEN', { saw: 'a JWT-SVID whose claims are no object' });
}
