import type { KeyObject } from 'node:crypto';
import type * as Jose from 'jose';
import { MandateError } from '../domain/errors';
import type { SpiffeId } from '../domain/spiffe-id';
import { parseSpiffeId } from '../domain/spiffe-id';
import { isJwtSvidAlgorithm, keyFits } from './jws-algorithm';
import { canonicalBase64url, isObject, parseStrictJson } from './strict-json';
import type { TrustBundle } from './trust-bundle';

/** Upper bound of a token, checked before it is parsed. */
export const MAX_TOKEN_BYTES = 64 * 1024;

/** Loaded with the first token: who never checks one does without its 10 MB. */
let loading: Promise<typeof Jose> | undefined;

/** Header members a JWT-SVID may have (JWT-SVID §2); `crit` or key material would ask us to trust the token about itself. */
const HEADER_MEMBERS: readonly string[] = ['alg', 'kid', 'typ'];

export interface VerifiedJwtSvid {
  readonly spiffeId: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly expMs: number;
}

/**
 * Verifies a JWT-SVID for one audience at one instant, without leeway (JWT-SVID §5). A strict pre-parser settles what the token is, then
 * jose verifies signature and claims with the keys of its own trust domain. Throws E_TOKEN with a short reason that quotes nothing.
 */
export async function verifyJwtSvid(token: string, audience: string, bundle: TrustBundle, nowMs: number): Promise<VerifiedJwtSvid> {
  if (audience === '') throw refused('no audience to check it for');
  const { algorithm, kid, claims } = preParse(token);
  const id = subjectOf(claims);
  if (bundle.trustDomain === undefined || id.trustDomain !== bundle.trustDomain) throw refused('no bundle of its trust domain');
  const named = kid === undefined ? bundle.jwtKeys : bundle.jwtKeys.filter((candidate) => candidate.kid === kid);
  const keys = named.filter(({ key }) => keyFits(algorithm, key));
  if (keys.length === 0) throw refused('no key of its trust domain fits it');
  checkAudienceShape(claims['aud']);

  let reason = 'signature does not verify';
  for (const { key } of keys) {
    const failure = await failureUnder(key, { token, algorithm, audience, nowMs });
    if (failure === undefined) return { spiffeId: id.toString(), claims, expMs: (claims['exp'] as number) * 1000 };
    if (failure !== reason) reason = failure;
  }
  throw refused(reason);
}

/** Header and claims of a compact JWS in its one canonical spelling. Nothing in it is trusted yet. */
function preParse(token: string): { algorithm: string; kid: string | undefined; claims: Readonly<Record<string, unknown>> } {
  if (token.length > MAX_TOKEN_BYTES) throw refused('larger than 64 KiB');
  const parts = token.split('.', 4);
  if (parts.length !== 3) throw refused('not three parts');
  const [header, claims, signature] = parts as [string, string, string];
  if (!canonicalBase64url(signature)) throw refused('a signature that is not base64url');
  const members = object(header, 'a header that is');
  const { alg, kid, typ } = members;
  if (!isJwtSvidAlgorithm(alg)) throw refused('an algorithm that JWT-SVIDs do not have');
  if (Object.keys(members).some((name) => !HEADER_MEMBERS.includes(name))) throw refused('a header member that JWT-SVIDs do not have');
  if (typ !== undefined && typ !== 'JWT' && typ !== 'JOSE') throw refused('a typ that is neither JWT nor JOSE');
  if (kid !== undefined && typeof kid !== 'string') throw refused('a kid that is not text');
  return { algorithm: alg, kid, claims: object(claims, 'claims that are') };
}

function object(part: string, what: string): Readonly<Record<string, unknown>> {
  const bytes = canonicalBase64url(part);
  if (!bytes) throw refused(`${what} not base64url`);
  try {
    const value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // falls through: not UTF-8, not JSON, or a member twice
  }
  throw refused(`${what} no strict JSON object`);
}

function subjectOf(claims: Readonly<Record<string, unknown>>): SpiffeId {
  const { sub } = claims;
  try {
    if (typeof sub === 'string') return parseSpiffeId(sub);
  } catch {
    // falls through
  }
  throw refused('a sub that is not a SPIFFE ID');
}

function checkAudienceShape(aud: unknown): void {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (list.length === 0 || !list.every((one) => typeof one === 'string')) throw refused('no audience');
}

/** Why the token does not hold under this key, or undefined where it does. */
async function failureUnder(
  key: KeyObject,
  { token, algorithm, audience, nowMs }: { token: string; algorithm: string; audience: string; nowMs: number },
): Promise<string | undefined> {
  const { errors, jwtVerify } = await (loading ??= import('jose'));
  try {
    await jwtVerify(token, key, {
      algorithms: [algorithm],
      audience,
      requiredClaims: ['sub', 'aud', 'exp'],
      currentDate: new Date(nowMs),
      clockTolerance: 0,
    });
    return undefined;
  } catch (error) {
    if (error instanceof errors.JWTExpired) return 'expired';
    if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FAILURES[error.claim] ?? 'a claim that does not hold';
    return 'signature does not verify';
  }
}

const CLAIM_FAILURES: Readonly<Record<string, string>> = {
  aud: 'meant for another audience',
  exp: 'no usable exp',
  nbf: 'not valid yet',
  iat: 'no usable iat',
};

const refused = (why: string): MandateError => new MandateError('E_TOKEN', { why });
