import type { JwtAlgorithm } from './jwt-key';
import type { Denial, Entitled } from './match';
import { terminalText } from './terminal-text';

/** Stands in a rule for every audience; said explicitly, never a default. */
export const ANY_AUDIENCE = '*';

/**
 * Why a JWT-SVID for these audiences may not be issued under the identity, or undefined. Audiences are compared as exact strings, and
 * all of them must be listed: a token is accepted wherever one of its audiences is. It has one signature, so all of them take one algorithm.
 */
export function audienceDenial(identity: Entitled, requested: readonly string[]): Denial | undefined {
  const { audiences, rule } = identity;
  const expected = audiences.slice(0, 16);
  if (audiences.length === 0) {
    const conditions = [{ selector: 'issue.jwt.audiences', holds: false, seen: 'none', expected: ['at least one'] }];
    return { code: 'E_NO_AUDIENCES', rule, conditions, remedy: `list the audience under issue.jwt.audiences of rule ${rule.rule.name}` };
  }
  const foreign = audiences.includes(ANY_AUDIENCE) ? [] : requested.filter((audience) => !audiences.includes(audience));
  if (requested.length > 0 && foreign.length === 0) return algorithmDenial(identity, requested);
  const conditions = [{ selector: 'audience', holds: false, seen: terminalText(foreign.join(', '), 512), expected }];
  return { code: 'E_AUDIENCE', rule, conditions, remedy: `add the audience to issue.jwt.audiences of rule ${rule.rule.name}` };
}

const takesRs256 = ({ rs256 }: Entitled, audience: string): boolean => rs256.includes(ANY_AUDIENCE) || rs256.includes(audience);

/** What a token for these audiences is signed with under the identity. Where `audienceDenial` is undefined, they agree. */
export const algorithmFor = (identity: Entitled, requested: readonly string[]): JwtAlgorithm =>
  requested.some((audience) => takesRs256(identity, audience)) ? 'RS256' : 'ES256';

function algorithmDenial(identity: Entitled, requested: readonly string[]): Denial | undefined {
  const rs256 = requested.filter((audience) => takesRs256(identity, audience));
  if (rs256.length === 0 || rs256.length === requested.length) return undefined;
  const { rule } = identity;
  const seen = terminalText(`RS256 for ${rs256.join(', ')}, and not for all of them`, 512);
  const conditions = [{ selector: 'issue.jwt.rs256', holds: false, seen, expected: ['all of the audiences, or none'] }];
  const remedy = `ask for each of them by itself, or have rule ${rule.rule.name} list all of them under issue.jwt.rs256`;
  return { code: 'E_AUDIENCE_ALGORITHMS', rule, conditions, remedy };
}
