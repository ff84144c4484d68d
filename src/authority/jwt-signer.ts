import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { MandateError } from '../domain/errors';
import type { JwtPlan, Signer } from '../domain/issuance';

/** The one private claim: ids of the delegation chain behind the token. */
export const LINEAGE_CLAIM = 'urn:mandate:lineage';

/** Signs JWT-SVIDs with ES256. The header holds `alg`, `kid` and `typ` and nothing else (JWT-SVID §2.2 to §2.4). */
export function jwtSigner(key: KeyObject, keyId: string): Signer<JwtPlan> {
  const header = { alg: 'ES256', kid: keyId, typ: 'JWT' };
  return {
    async sign(plan) {
      if (plan.notBeforeMs % 1000 !== 0 || plan.notAfterMs % 1000 !== 0)
        throw new MandateError('E_INTERNAL', {
          saw: 'a plan with parts of a second',
          why: 'a JWT-SVID is signed as planned or not at all',
        });
      const token = await new SignJWT({ ...jwtClaims(plan) }).setProtectedHeader(header).sign(key);
      return Buffer.from(token, 'latin1');
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
