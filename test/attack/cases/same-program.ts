import type { AttackCase } from '../attack-case';
import { NO_EXEC_DETECTION, NO_LAYOUT_CHECK } from '../guards';

/**
 * A trusted interpreter that has its SVID executes itself with another script, which asks on over the same connection: same pid, same inode,
 * same hash. Without address randomisation the layout stays the same too, and a child can keep the old memory alive.
 */
export const sameProgram: readonly AttackCase[] = [
  {
    name: 'exec of the same program',
    withoutGuard: { patches: [NO_EXEC_DETECTION] },
    attack: (field) => field.attack('same_program.py', ['plain']),
  },
  {
    name: 'exec of the same program, addresses fixed',
    withoutGuard: { patches: [NO_EXEC_DETECTION, NO_LAYOUT_CHECK] },
    attack: (field) => field.attack('same_program.py', ['fixed']),
  },
  {
    // The two other signs of an exec stay in place and see nothing: refusing fixed addresses is all that stands against this one.
    name: 'exec of the same program, addresses fixed, old memory kept',
    withoutGuard: { patches: [NO_LAYOUT_CHECK] },
    attack: (field) => field.attack('same_program.py', ['keeper']),
  },
];
