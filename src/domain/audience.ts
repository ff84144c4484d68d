import type { Denial, Entitled } from './match';
import { terminalText } from './terminal-text';

/** Stands in a rule for every audience; said explicitly, never a default. */
export const ANY_AUDIENCE = '*';

/**
 * Why a JWT-SVID for these audiences may not be issued under the identity, or undefined. Audiences are compared as exact strings, and
 * all of them must be listed: a token is accepted wherever one of its audiences is.
 */
export function audienceDenial(identity: Entitled, requested: readonly string[]): Denial | undefined {
  const { audiences, rule } = identity;
  const expected = audiences.slice(0, 16);
  if (audiences.length === 0) {
    const conditions = [{ selector: 'issue.jwt.audiences', holds: false, seen: 'none', expected: ['at least one'] }];
    return { code: 'E_NO_AUDIENCES', rule, conditions, remedy: `list the audience under issue.jwt.audiences of rule ${rule.rule.name}` };
  }
  if (audiences.includes(ANY_AUDIENCE) && requested.length > 0) return undefined;
  const foreign = requested.filter((audience) => !audiences.includes(audience));
  if (requested.length > 0 && foreign.length === 0) return undefined;
  const conditions = [{ selector: 'audience', holds: false, seen: terminalText(foreign.join(', '), 512), expected }];
  return { code: 'E_AUDIENCE', rule, conditions, remedy: `add the audience to issue.jwt.audiences of rule ${rule.rule.name}` };
}
