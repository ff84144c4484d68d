import type { AttackCase } from '../attack-case';
import { FIRST_BRACKET } from '../guards';
import { identityAt, trustedIsRefused } from '../won';

const HOSTILE_NAMES = 10;

/** A process says of itself what is not so, in what /proc lets it write. */
export const claims: readonly AttackCase[] = [
  {
    name: 'forged arguments, environment and title',
    withoutGuard: { control: (field) => field.attack('ask.py', [], { by: field.programs.interpreter }) },
    attack: (field) => field.attack('looks.py', ['argv']),
  },
  {
    // The names are a trusted program's own: whoever chooses it must neither gain nor lose by it.
    name: 'hostile process names',
    won: trustedIsRefused,
    withoutGuard: { patches: [FIRST_BRACKET] },
    attack: (field) => field.attack('looks.py', ['comm'], { by: field.programs.interpreter, trials: HOSTILE_NAMES }),
  },
  {
    name: 'forged login uid',
    needs: ['ours', 'root'],
    won: identityAt('/launched/root'),
    withoutGuard: { control: (field) => field.attack('promote.py', ['ask_plainly'], { launched: true, hand: 'root' }) },
    attack: (field) => field.attack('promote.py', ['forged_login'], { launched: true }),
  },
];
