import { parseCertificate, uriNamesOf } from '../domain/certificate';
import { MandateError } from '../domain/errors';
import { parseSpiffeId } from '../domain/spiffe-id';
import { verifyJwtSvid } from '../verify/jwt-svid';
import { isObject, parseStrictJson } from '../verify/strict-json';
import { verifyX509Svid } from '../verify/x509-svid';
import { lineageOf } from './lineage-claim';
import type { Peer } from './peer';
import type { BundleSource } from './sources';

/** The one place where the library asks the verifiers; every way in ends here. */

/**
 * The peer that a certificate chain names (DER, leaf first), verified now with the bundle of the trust domain that the leaf names and with no
 * other. Throws E_NOT_VERIFIED, E_BUNDLE_STALE.
 */
export function checkX509(chain: readonly Buffer[], source: BundleSource): Peer {
  const [leaf] = chain;
  if (!leaf) throw new MandateError('E_NOT_VERIFIED', { why: 'no certificate' });
  const bundle = source.bundleOf(trustDomainOf(leaf), 'x509');
  const { spiffeId, serial, notAfterMs } = verifyX509Svid(Buffer.concat(chain), bundle, source.clock.nowMs());
  return { kind: 'x509-svid', spiffeId, serial, notAfterMs, lineage: undefined };
}

/** The peer that a JWT-SVID for `audience` names, verified now. Throws E_TOKEN, E_NOT_VERIFIED, E_BUNDLE_STALE. */
export async function checkJwt(token: string, audience: string, source: BundleSource): Promise<Peer> {
  const bundle = source.bundleOf(trustDomainOfToken(token), 'jwt');
  const { spiffeId, claims, expMs } = await verifyJwtSvid(token, audience, bundle, source.clock.nowMs());
  const { jti } = claims;
  const serial = typeof jti === 'string' ? jti : undefined;
  return { kind: 'jwt-svid', spiffeId, serial, notAfterMs: expMs, lineage: lineageOf(claims) };
}

/** Which bundle is to be asked, by what an unverified leaf says; the verifier reads it again. */
function trustDomainOf(leaf: Buffer): string {
  try {
    return parseSpiffeId(uriNamesOf(parseCertificate(leaf))[0] ?? '').trustDomain;
  } catch (cause) {
    throw new MandateError('E_NOT_VERIFIED', { why: 'not an X509-SVID' }, { cause });
  }
}

/** The same for a token. Its claims are bounded before they are read. */
function trustDomainOfToken(token: string): string {
  try {
    if (token.length > MAX_TOKEN) throw new RangeError('too long');
    const claims = parseStrictJson(Buffer.from(token.split('.', 3)[1] ?? '', 'base64url').toString('utf8'));
    const sub: unknown = isObject(claims) ? claims['sub'] : undefined;
    return parseSpiffeId(typeof sub === 'string' ? sub : '').trustDomain;
  } catch (cause) {
    throw new MandateError('E_TOKEN', { why: 'not a JWT-SVID' }, { cause });
  }
}

/** Longer than every JWT-SVID that fits a header. */
export const MAX_TOKEN = 16 * 1024;
