import { MandateError } from '../domain/errors';
import type { JwtPlan, Signer } from '../domain/issuance';
import type { JwtAlgorithm } from '../domain/jwt-key';
import { compactJws } from './compact-jws';
import type { SigningKey } from './signing-key';

/** The one private claim: ids of the delegation chain behind the token. */
export const LINEAGE_CLAIM = 'urn:mandate:lineage';

/**
 * Signs JWT-SVIDs in the compact form (RFC 7515 §7.1). The header holds `alg`, `kid` and `typ` and nothing else (JWT-SVID §2.2 to §2.4), and is
 * the same for every token of a key.
 */
export function jwtSigner(key: SigningKey, keyId: string, algorithm: JwtAlgorithm): Signer<JwtPlan> {
  const header = { alg: algorithm, kid: keyId, typ: 'JWT' };
  const jws = compactJws(header, key);
  return {
    sign(plan) {
      if (plan.notBeforeMs % 1000 !== 0 || plan.notAfterMs % 1000 !== 0)
        throw new MandateError('E_INTERNAL', {
          saw: 'a plan with parts of a second',
          why: 'a JWT-SVID is signed as planned or not at all',
        });
      return jws(jwtClaims(plan));
    },
  };
}

/** Claims of a JWT-SVID as its plan wants them, in the order in which they are written; dates are whole seconds, `iat` is rounded down so that it is never ahead. */
function jwtClaims(plan: JwtPlan): Readonly<Record<string, unknown>> {
  const { assurance } = plan.lineage;
  return {
    ...(plan.issuer !== null && { iss: plan.issuer }),
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
      assurance: { process: assurance.process, delegator: assurance.delegator, device: assurance.device },
    },
  };
}
