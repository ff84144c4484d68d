import type { AttackCase } from '../attack-case';
import { AFTER_ACCEPT_BY_PID, NO_PIDFD } from '../guards';

/** A process asks, leaves its connection with a child and ends; a trusted program then gets its pid. Who looks at the pid sees the wrong one. */
export const pidReuse: readonly AttackCase[] = [
  {
    name: 'pid reuse before accept',
    needs: ['root', 'ours'],
    race: true,
    withoutGuard: { patches: [NO_PIDFD] },
    attack: (field, trials) => field.attack('pid_reuse.py', ['before'], { trials, hand: 'root' }),
  },
  {
    name: 'pid reuse after accept',
    needs: ['root', 'ours'],
    race: true,
    withoutGuard: { patches: AFTER_ACCEPT_BY_PID },
    attack: (field, trials) => field.attack('pid_reuse.py', ['after'], { trials, hand: 'root' }),
  },
];
