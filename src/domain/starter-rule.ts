import { loadRules } from './rule-file';
import type { LoadedRule } from './rule-file';

/** Name of the rule that a new installation of `mandate up` starts with. */
export const STARTER_RULE_NAME = 'launched';

/** The starter rule as a file: whatever is started by `mandate run` gets one identity per account; every other process is refused. */
export const STARTER_RULE_FILE = `apiVersion: mandate/v1
kind: Rule
name: ${STARTER_RULE_NAME}
match:
  launch.id: "*"        # any launch; a process outside every launch has none
issue:
  id: /agent/{user}
  x509: { ttl: 15m }
  jwt: { ttl: 5m, audiences: "*" }
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

/** The starter rule, read by the loader that reads every other rule. */
export function starterRule(): LoadedRule {
  const [rule] = loadRules([{ file: 'starter rule', text: STARTER_RULE_FILE, readFile: refuse }]);
  return rule as LoadedRule;
}

function refuse(): never {
  throw new Error('the starter rule names no file');
}
