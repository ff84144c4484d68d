import type { AttackCase } from '../attack-case';
import type { AttackOptions, Field } from '../field';
import { NO_EXEC_DETECTION, NO_HOLDER_LOOK } from '../guards';
import { identityAt } from '../won';

/** Attacks that nothing stands against elsewhere, tried on programs whose rule requires that they hold their connection alone. */
const underRule = (name: string, script: string, args: (field: Field) => readonly string[], more: Partial<AttackCase> = {}): AttackCase => {
  const options: AttackOptions = { alone: true, ...(more.needs?.includes('root') && { hand: 'root' }) };
  return {
    name: `${name}, under a rule for sole holders`,
    // An ordinary user's node cannot tell who is alone, so such a rule gives nothing there, guarded or not.
    guardedIn: ['installed'],
    withoutGuard: { patches: [NO_HOLDER_LOOK] },
    won: identityAt('/alone'),
    attack: (field) => field.attack(script, args(field), options),
    ...more,
    needs: ['ours', 'readable', ...(more.needs ?? [])],
  };
};

/** Two guards stand against a swap: the look, and from the node's first look on the detection of an exec. */
const swap = (name: string, moment: string, most = Infinity): AttackCase => ({
  ...underRule(name, 'exec_swap.py', () => [moment], { race: true, withoutGuard: { patches: [NO_HOLDER_LOOK, NO_EXEC_DETECTION] } }),
  attack: (field, trials) => field.attack('exec_swap.py', [moment], { alone: true, trials: Math.min(trials, most) }),
});
const passedOn = (name: string, how: string): AttackCase => underRule(name, 'passed_on.py', () => [how]);

export const soleHolder: readonly AttackCase[] = [
  {
    // Its other half is that everybody else is refused: without it they would be defeated by a rule that gives nothing.
    name: 'an honest agent kept from its identity, under a rule for sole holders',
    needs: ['ours', 'readable', 'root'],
    guardedIn: ['installed'],
    withoutGuard: { control: (field) => field.attack('ask.py', [], { alone: true }) },
    won: (obtained, field) => field.mode === 'installed' && !identityAt('/alone')(obtained, field),
    attack: (field) => field.attack('ask.py', [], { alone: true, by: field.parts.alone!.interpreter }),
  },
  swap('exec-swap late: within 5 ms of the request', 'late'),
  swap('exec-swap late: the connection on its way to another process', 'sent', 20),
  swap('exec-swap late: a read begun before its descriptor was closed', 'reading', 20),
  passedOn('descriptor passed in use, same uid', 'spoken'),
  underRule('descriptor passed in use, other uid', 'passed_on.py', (field) => ['spoken', String(field.otherUid)], {
    needs: ['root', 'other user'],
  }),
  passedOn('connection inherited by a started program', 'inherited'),
  passedOn('connection shared after fork', 'forked'),
];
