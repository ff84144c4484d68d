import type { AttackCase } from '../attack-case';
import { NO_TRACER_CHECK } from '../guards';

/** Code of the attacker runs inside a trusted program, whose bytes stay what they are. */
export const injection: readonly AttackCase[] = [
  { name: 'LD_PRELOAD', needs: ['cc'], attack: (field) => field.attack('injected.py', ['preload']) },
  { name: 'NODE_OPTIONS', attack: (field) => field.attack('injected.py', ['options']) },
  { name: 'another script for a trusted interpreter', attack: (field) => field.attack('injected.py', ['script']) },
  {
    name: 'ptrace while it asks',
    withoutGuard: { patches: [NO_TRACER_CHECK] },
    attack: (field) => field.attack('injected.py', ['traced']),
  },
];
