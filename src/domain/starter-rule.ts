import { type AuthorityConfig, DEFAULT_AUTHORITY_CONFIG, longestSvidSeconds } from './authority-config';
import { durationSeconds } from './duration';
import { loadRules } from './rule-file';
import type { LoadedRule } from './rule-file';

/** Name of the rule that a new installation of `mandate up` starts with. */
export const STARTER_RULE_NAME = 'launched';

const X509_TTL = '15m';
const JWT_TTL = '5m';

/** The starter rule as a file: whatever is started by `mandate run` gets one identity per account; every other process is refused. */
export const STARTER_RULE_FILE = `apiVersion: mandate/v1
kind: Rule
name: ${STARTER_RULE_NAME}
match:
  launch.id: "*"        # any launch; a process outside every launch has none
issue:
  id: /agent/{user}
  x509: { ttl: ${X509_TTL} }
  jwt: { ttl: ${JWT_TTL}, audiences: "*" }
tests:
  - name: a launched agent is named after its account
    given: { launch.id: 0197a2f0-0000-7000-8000-000000000000, user.name: ana }
    expect: /agent/ana
  - name: root is named as well; its trace says that no human is known
    given: { launch.id: 0197a2f0-0000-7000-8000-000000000000, user.name: root, user.uid: 0, delegator: none }
    expect: /agent/root
  - name: a process outside every launch is refused
    given: { user.name: ana }
    expect: E_NO_RULE
`;

/** The starter rule, read by the loader that reads every other rule. Where authorities live too briefly for its lifetimes, so do its SVIDs. */
export function starterRule(authorities: AuthorityConfig = DEFAULT_AUTHORITY_CONFIG): LoadedRule {
  const ttl = (wished: string, kind: 'x509' | 'jwt'): string =>
    `ttl: ${Math.min(durationSeconds(wished) ?? 0, longestSvidSeconds(authorities, kind))}s`;
  const text = STARTER_RULE_FILE.replace(`ttl: ${X509_TTL}`, ttl(X509_TTL, 'x509')).replace(`ttl: ${JWT_TTL}`, ttl(JWT_TTL, 'jwt'));
  const [rule] = loadRules([{ file: 'starter rule', text, readFile: refuse }]);
  return rule as LoadedRule;
}

function refuse(): never {
  throw new Error('the starter rule names no file');
}
