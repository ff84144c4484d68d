import type { AttackCase } from '../attack-case';
import { NO_EXEC_DETECTION, NO_SENDER_PEEK } from '../guards';

/** Each of these tries takes as long as it is looked at. */
const slow = (trials: number): number => Math.min(trials, 20);

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
    // The connection lies in the queue of a socket while the other program is looked at: in nobody's table.
    name: 'exec-swap late: the connection on its way to another process',
    race: true,
    attack: (field, trials) => field.attack('exec_swap.py', ['sent'], { trials: slow(trials) }),
  },
  {
    // Whoever looks for descriptors does not see it: a thread waits in a read of one that was closed meanwhile.
    name: 'exec-swap late: a read begun before its descriptor was closed',
    race: true,
    attack: (field, trials) => field.attack('exec_swap.py', ['reading'], { trials: slow(trials) }),
  },
  {
    name: 'descriptor kept by a child before exec',
    race: true,
    withoutGuard: { patches: [NO_SENDER_PEEK, NO_EXEC_DETECTION] },
    attack: (field, trials) => field.attack('exec_swap.py', ['kept'], { trials, lanes: true }),
  },
];
