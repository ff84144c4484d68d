import type { AttackCase } from '../attack-case';
import { NO_SENDER_PEEK } from '../guards';

/** A trusted program opens a connection and another process speaks over it: passed by SCM_RIGHTS, inherited, or shared by a fork. */
const passedOn = (name: string, how: string, guarded: boolean): AttackCase => ({
  name,
  ...(guarded && { withoutGuard: { patches: [NO_SENDER_PEEK] } }),
  attack: (field) => field.attack('passed_on.py', [how]),
});

const toOther = (name: string, how: string, guarded: boolean): AttackCase => ({
  name,
  needs: ['root', 'other user'],
  ...(guarded && { withoutGuard: { patches: [NO_SENDER_PEEK] } }),
  attack: (field) => field.attack('passed_on.py', [how, String(field.otherUid)], { hand: 'root' }),
});

export const connectionsPassedOn: readonly AttackCase[] = [
  passedOn('descriptor passed unused, same uid', 'unspoken', true),
  toOther('descriptor passed unused, other uid', 'unspoken', true),
  passedOn('descriptor passed in use, same uid', 'spoken', false),
  toOther('descriptor passed in use, other uid', 'spoken', false),
  passedOn('connection inherited by a started program', 'inherited', false),
  passedOn('connection shared after fork', 'forked', false),
];
