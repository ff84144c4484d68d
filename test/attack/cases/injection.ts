import type { AttackCase, Need } from '../attack-case';
import { NO_FOREIGN_CODE, NO_TRACER_CHECK } from '../guards';
import { identityAt } from '../won';

/** Code of the attacker runs inside a trusted program, against the rule that asks for its hash alone. */
const plain = (name: string, how: string, needs: readonly Need[] = []): AttackCase => ({
  name,
  needs,
  attack: (field) => field.attack('injected.py', [how]),
});

/** The same against a rule that asks for no foreign code as well. */
const intact = (name: string, how: string, more: Partial<AttackCase> = {}): AttackCase => ({
  name: `${name}, rule without foreign code`,
  needs: ['ours'],
  won: identityAt('/intact'),
  attack: (field) => field.attack('injected.py', [how]),
  ...more,
});

/** The same against a rule that asks for the account which the trusted program has to itself. Under that account it succeeds. */
const ownAccount = (name: string, how: string, needs: readonly Need[] = []): AttackCase => ({
  name: `${name}, rule with an account of its own`,
  needs: ['ours', 'root', 'other user', ...needs],
  only: 'installed',
  won: identityAt('/own-account'),
  withoutGuard: { control: (field) => field.attack('injected.py', [how], { hand: 'other' }) },
  attack: (field) => field.attack('injected.py', [how]),
});

/** The bytes of the program stay what they are. What is open under a plain rule stands beside the rule that closes it. */
export const injection: readonly AttackCase[] = [
  plain('LD_PRELOAD', 'preload', ['cc']),
  intact('LD_PRELOAD', 'preload', { needs: ['ours', 'cc'], withoutGuard: { patches: [NO_FOREIGN_CODE] } }),
  intact('LD_PRELOAD that leaves no mapping', 'unmapped', { needs: ['ours', 'cc'] }),
  ownAccount('LD_PRELOAD', 'preload', ['cc']),
  plain('NODE_OPTIONS', 'options'),
  intact('NODE_OPTIONS', 'options'),
  ownAccount('NODE_OPTIONS', 'options'),
  plain('another script for a trusted interpreter', 'script'),
  ownAccount('another script for a trusted interpreter', 'script'),
  {
    name: 'ptrace while it asks',
    withoutGuard: { patches: [NO_TRACER_CHECK] },
    attack: (field) => field.attack('injected.py', ['traced']),
  },
];
