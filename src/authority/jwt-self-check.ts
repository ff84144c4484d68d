import type { KeyObject } from 'node:crypto';
import { constants, verify } from 'node:crypto';
import type { JwtPlan, SelfCheck } from '../domain/issuance';
import type { JwtAlgorithm } from '../domain/jwt-key';
import { isSerial } from '../domain/serial';

/** What the check knows of the authority. */
export interface CheckedJwtIssuer {
  readonly keyId: string;
  readonly algorithm: JwtAlgorithm;
  readonly publicKey: KeyObject;
  readonly notAfterMs: number;
}

/** See x509SelfCheck. */
const VERIFY_EVERY = 1024;
/** Bytes of a signature, and how it is verified: R and S side by side (RFC 7518 §3.4), or PKCS #1 v1.5 under 2048 bits (§3.3). */
const SIGNATURES = {
  ES256: { bytes: 64, form: { dsaEncoding: 'ieee-p1363' } },
  RS256: { bytes: 256, form: { padding: constants.RSA_PKCS1_PADDING } },
} as const;

/**
 * Writes header and claims of a token out a second time from its plan and compares the text: nothing can be missing, added or doubled.
 * Of a sample it verifies the signature.
 */
export function jwtSelfCheck(issuer: CheckedJwtIssuer): SelfCheck<JwtPlan> {
  const header = base64url(JSON.stringify({ alg: issuer.algorithm, kid: issuer.keyId, typ: 'JWT' }));
  const { bytes: length, form } = SIGNATURES[issuer.algorithm];
  let seen = 0;
  return (plan, encoded) => {
    if (plan.kind !== 'jwt-svid') return 'kind';
    if (plan.authorityKeyId !== issuer.keyId) return 'authority';
    if (plan.notAfterMs > issuer.notAfterMs) return 'exp beyond the authority';
    if (!isSerial(plan.serial)) return 'jti';
    if (plan.audience.length === 0) return 'audience';
    const token = encoded.toString('latin1');
    const [head, payload, signature, ...rest] = token.split('.', 4);
    if (head !== header) return 'header';
    if (payload !== base64url(JSON.stringify(claims(plan)))) return 'claims';
    const bytes = Buffer.from(signature ?? '', 'base64url');
    if (rest.length > 0 || bytes.length !== length || bytes.toString('base64url') !== signature) return 'signature';
    if (seen++ % VERIFY_EVERY !== 0) return undefined;
    const signed = encoded.subarray(0, token.lastIndexOf('.'));
    return verify('sha256', signed, { key: issuer.publicKey, ...form }, bytes) ? undefined : 'signature';
  };
}

const base64url = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');

/** Not shared with the signer on purpose: what is forgotten there must not be forgotten here as well. */
const claims = ({ lineage, ...plan }: JwtPlan): object => ({
  ...(plan.issuer === null ? {} : { iss: plan.issuer }),
  sub: plan.spiffeId,
  aud: plan.audience,
  iat: Math.floor(plan.issuedAtMs / 1000),
  nbf: plan.notBeforeMs / 1000,
  exp: plan.notAfterMs / 1000,
  jti: plan.serial,
  'urn:mandate:lineage': {
    v: lineage.v,
    delegation: lineage.delegation,
    agent: lineage.agent,
    delegator: lineage.delegator,
    given: lineage.given,
    assurance: {
      process: lineage.assurance.process,
      delegator: lineage.assurance.delegator,
      device: lineage.assurance.device,
    },
  },
});
