import type { KeyObject } from 'node:crypto';
import { verify } from 'node:crypto';
import type { Canonical } from '../domain/canonical';
import { canonicalJson } from '../domain/canonical';
import type { JwtPlan, SelfCheck } from '../domain/issuance';
import { isSerial } from '../domain/serial';
import { LINEAGE_CLAIM } from './jwt-signer';

/** Bytes of an ES256 signature: R and S side by side (RFC 7518 §3.4). */
const SIGNATURE_BYTES = 64;

/** See x509SelfCheck. */
const VERIFY_EVERY = 1024;

/** What the check knows of the authority. */
export interface CheckedJwtIssuer {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly notAfterMs: number;
}

/** Reads a token back and compares header and every claim with its plan; of a sample it verifies the signature. */
export function jwtSelfCheck(issuer: CheckedJwtIssuer): SelfCheck<JwtPlan> {
  const { keyId } = issuer;
  const header = canonicalJson({ alg: 'ES256', kid: keyId, typ: 'JWT' });
  let seen = 0;
  return (plan, encoded) => {
    if (plan.kind !== 'jwt-svid') return 'kind';
    if (plan.authorityKeyId !== keyId) return 'authority';
    const parts = encoded.toString('latin1').split('.');
    const [head, payload, signature] = parts.map(decoded);
    if (parts.length !== 3 || !head || !payload || !signature) return 'compact serialisation';
    if (canonical(head) !== header) return 'header';
    if (signature.length !== SIGNATURE_BYTES) return 'signature';
    if (seen++ % VERIFY_EVERY === 0 && !verifies(issuer.publicKey, encoded, signature)) return 'signature';
    if (!isSerial(plan.serial)) return 'jti';
    if (plan.audience.length === 0) return 'audience';
    if (plan.notAfterMs > issuer.notAfterMs) return 'exp beyond the authority';
    return canonical(payload) === canonicalJson(claims(plan)) ? undefined : 'claims';
  };
}

const verifies = (key: KeyObject, token: Buffer, signature: Buffer): boolean =>
  verify('sha256', token.subarray(0, token.lastIndexOf('.')), { key, dsaEncoding: 'ieee-p1363' }, signature);

/** Written out a second time on purpose: what the signer forgets must not be forgotten here as well. */
const claims = (plan: JwtPlan): Canonical => ({
  sub: plan.spiffeId,
  aud: plan.audience,
  iat: Math.floor(plan.issuedAtMs / 1000),
  nbf: plan.notBeforeMs / 1000,
  exp: plan.notAfterMs / 1000,
  jti: plan.serial,
  [LINEAGE_CLAIM]: {
    v: plan.lineage.v,
    delegation: plan.lineage.delegation,
    agent: plan.lineage.agent,
    delegator: plan.lineage.delegator,
    given: plan.lineage.given,
    assurance: { ...plan.lineage.assurance },
  },
});

/** Bytes of a base64url part in its one canonical form, or undefined. */
function decoded(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

/** Canonical text of a JSON object, so that the order of members does not matter; undefined where it is none. */
function canonical(bytes: Buffer): string | undefined {
  try {
    const text = bytes.toString('utf8');
    const value = JSON.parse(text) as Canonical;
    // A member written twice is gone after parsing; the length gives it away.
    return JSON.stringify(value).length === text.length ? canonicalJson(value) : undefined;
  } catch {
    return undefined;
  }
}
