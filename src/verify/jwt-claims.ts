import { MandateError } from '../domain/errors';
import type { SpiffeId } from '../domain/spiffe-id';
import { parseSpiffeId } from '../domain/spiffe-id';

export type Claims = Readonly<Record<string, unknown>>;

/** The last second of the year 9999: later dates are no dates to many readers. */
const LAST_SECOND = 253_402_300_799;

/** The SPIFFE ID that the token is about, or undefined. */
export function subjectOf({ sub }: Claims): SpiffeId | undefined {
  try {
    return typeof sub === 'string' ? parseSpiffeId(sub) : undefined;
  } catch (error) {
    if (error instanceof MandateError) return undefined;
    throw error;
  }
}

/**
 * Why the claims do not hold for this audience at this instant, or undefined (JWT-SVID §5, RFC 7519 §4.1). There is no leeway: an SVID that
 * has ended has ended, and ours begin 10 s before they are issued. `iat` limits nothing.
 */
export function claimsFault(claims: Claims, audience: string, nowMs: number): string | undefined {
  const audiences = audiencesOf(claims['aud']);
  if (!audiences) return 'no audience';
  const { exp, nbf, iat } = claims;
  if (!isDate(exp)) return 'no usable exp';
  if (nbf !== undefined && !isDate(nbf)) return 'no usable nbf';
  if (iat !== undefined && !isDate(iat)) return 'no usable iat';
  if (!audiences.includes(audience)) return 'meant for another audience';
  // Written so that NaN is outside of every validity.
  if (!(nowMs < exp * 1000)) return 'expired';
  return nbf === undefined || nowMs >= nbf * 1000 ? undefined : 'not valid yet';
}

/** One string, or a list of at least one string and of nothing else. */
function audiencesOf(aud: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return list.length > 0 && list.every((one) => typeof one === 'string') ? list : undefined;
}

/** Seconds since the epoch, with or without a fraction. */
const isDate = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= LAST_SECOND;
