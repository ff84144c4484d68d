import type { AttackCase } from '../attack-case';
import { NO_EXEC_DETECTION, NO_SENDER_PEEK } from '../guards';

/**
 * A program without an identity connects, leaves the connection with a child, and executes a trusted program: same pid, same pidfd, same start
 * time. Who looks only afterwards sees the trusted one.
 */
export const execSwap: readonly AttackCase[] = [
  {
    name: 'exec-swap early: once the node knows the connection',
    race: true,
    withoutGuard: { patches: [NO_EXEC_DETECTION] },
    attack: (field, trials) => field.attack('exec_swap.py', ['early'], { trials, lanes: true }),
  },
  {
    // Open, so nothing is taken out: where the process executes before the node's first look, there is nothing to compare it with.
    name: 'exec-swap late: within 5 ms of the request',
    race: true,
    attack: (field, trials) => field.attack('exec_swap.py', ['late'], { trials, lanes: true }),
  },
  {
    name: 'descriptor kept by a child before exec',
    race: true,
    withoutGuard: { patches: [NO_SENDER_PEEK, NO_EXEC_DETECTION] },
    attack: (field, trials) => field.attack('exec_swap.py', ['kept'], { trials, lanes: true }),
  },
];
