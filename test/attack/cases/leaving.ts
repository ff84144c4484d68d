import type { AttackCase } from '../attack-case';
import { NO_CONTROL_GROUP } from '../guards';
import { identityAt } from '../won';

const launched = identityAt('/launched');

/** A launched agent tries to be no part of its launch any more, so that what it does is nobody's. */
export const leaving: readonly AttackCase[] = [
  {
    name: 'leaving a launch by double fork and setsid',
    needs: ['ours', 'control groups'],
    guardedIn: ['installed'],
    won: (obtained, field) => !launched(obtained, field),
    withoutGuard: { patches: [NO_CONTROL_GROUP] },
    attack: (field) => field.attack('promote.py', ['detached_ask'], { launched: true }),
  },
  {
    name: 'leaving the control group of a launch',
    needs: ['ours', 'control groups'],
    only: 'installed',
    withoutGuard: { needs: ['root'], control: (field) => field.attack('promote.py', ['own_group'], { hand: 'root' }) },
    attack: (field) => field.attack('promote.py', ['own_group'], { launched: true }),
  },
];
