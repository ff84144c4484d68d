import type { KeyObject } from 'node:crypto';
import type * as Jose from 'jose';
import { MandateError } from '../domain/errors';
import { MAX_TOKEN_BYTES } from '../domain/jwt-svid';
import { isJwtSvidAlgorithm, keyFits } from './jws-algorithm';
import type { Claims } from './jwt-claims';
import { claimsFault, subjectOf } from './jwt-claims';
import { canonicalBase64url, isObject, parseStrictJson } from './strict-json';
import type { TrustBundle, TrustBundles } from './trust-bundle';
import { bundleOf, ignoredIn } from './trust-bundle';

/** Keys tried for a token that names none. The slowest takes 3 ms with its first token. */
const MAX_KEYS_WITHOUT_KID = 8;

/** Loaded with the first token: who never checks one does without its 10 MB. */
let loading: Promise<typeof Jose> | undefined;

/** Header members a JWT-SVID may have (JWT-SVID §2); `crit` or key material would ask us to trust the token about itself. */
const HEADER_MEMBERS: readonly string[] = ['alg', 'kid', 'typ'];

export interface VerifiedJwtSvid {
  readonly spiffeId: string;
  readonly claims: Claims;
  readonly expMs: number;
}

/**
 * Verifies a JWT-SVID for one audience at one instant, without leeway (JWT-SVID §5). What the token says is settled strictly, then jose
 * verifies the signature with keys of its own trust domain. Throws E_TOKEN with a short reason that quotes nothing.
 */
export async function verifyJwtSvid(token: string, audience: string, bundles: TrustBundles, nowMs: number): Promise<VerifiedJwtSvid> {
  if (audience === '') throw refused('no audience to check it for');
  const { algorithm, kid, claims } = readToken(token);
  const id = subjectOf(claims);
  if (!id) throw refused('a sub that is not a SPIFFE ID');
  const bundle = bundleOf(bundles, id.trustDomain);
  if (!bundle) throw refused('no bundle of its trust domain');
  const keys = keysFor(algorithm, kid, bundle);
  const fault = claimsFault(claims, audience, nowMs);
  // After the signature, which decides whether the reason is about a token of ours or about nothing.
  if (!(await isSigned(token, algorithm, keys))) throw refused('signature does not verify');
  if (fault !== undefined) throw refused(fault);
  return { spiffeId: id.toString(), claims, expMs: (claims['exp'] as number) * 1000 };
}

/** Algorithm, key name and claims of a compact JWS in its one canonical spelling. Nothing in it is trusted yet. */
function readToken(token: string): { algorithm: string; kid: string | undefined; claims: Claims } {
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

function object(part: string, what: string): Claims {
  const bytes = canonicalBase64url(part);
  if (!bytes) throw refused(`${what} not base64url`);
  try {
    const value = parseStrictJson(UTF8.decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // falls through: not UTF-8, not JSON, or a member twice
  }
  throw refused(`${what} no strict JSON object`);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The key that the token names, or every key that could be meant where it names none. A key serves its own algorithms only. */
function keysFor(algorithm: string, kid: string | undefined, bundle: TrustBundle): readonly KeyObject[] {
  const named = bundle.jwtKeys.filter((one) => kid === undefined || one.kid === kid);
  const keys = named.map(({ key }) => key).filter((key) => keyFits(algorithm, key));
  if (keys.length === 0) throw refused(`no key of its trust domain fits it${ignoredIn(bundle)}`);
  if (keys.length > MAX_KEYS_WITHOUT_KID) throw refused('no kid, and more keys that fit than are tried');
  return keys;
}

async function isSigned(token: string, algorithm: string, keys: readonly KeyObject[]): Promise<boolean> {
  const { compactVerify } = await (loading ??= import('jose'));
  for (const key of keys) {
    try {
      await compactVerify(token, key, { algorithms: [algorithm] });
      return true;
    } catch {
      // not by this key
    }
  }
  return false;
}

const refused = (why: string): MandateError => new MandateError('E_TOKEN', { why });
