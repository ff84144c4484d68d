import type { AttackCase } from '../attack-case';
import { ANY_NODE } from '../guards';

/** An agent speaks to the server as the node does, with evidence of its own making. */
export const nodeLink: AttackCase = {
  name: 'invented evidence on the NodeLink socket',
  needs: ['ours'],
  guardedIn: ['own user'],
  withoutGuard: { patches: ANY_NODE },
  attack: (field) => field.attack('promote.py', ['invented'], { launched: true }),
};
