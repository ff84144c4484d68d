import type { AttackCase, Need, Obtained } from '../attack-case';

/** Thefts between processes that one human started: what theft.ts tries outside every launch, and signals. */
const WAYS = [
  ['/proc/PID/mem', 'memory'],
  ['process_vm_readv', 'vm'],
  ['ptrace', 'traced'],
  ['pidfd_getfd', 'descriptor'],
  ['a signal', 'signal'],
] as const;

/** Any SVID of the victim is more than its own, and so is its end. */
const won = ({ kind }: Obtained): boolean => kind === 'identity' || kind === 'deed';

/** `unguarded` are the places of the same victim and thief where nothing stands between them. */
const from = (
  name: string,
  victim: string,
  thief: string,
  unguarded: readonly [string, string],
  needs: readonly Need[],
  ways: readonly (typeof WAYS)[number][] = WAYS,
): AttackCase[] =>
  ways.map(([way, how]) => ({
    name: `${name}: ${way}`,
    needs: ['ours', ...needs],
    won,
    withoutGuard: { control: (field) => field.attack('apart.py', [how, ...unguarded]) },
    attack: (field) => field.attack('apart.py', [how, victim, thief]),
  }));

const OWN = '--as-user';
const UNCONFINED = '--no-confine';

export const apart: readonly AttackCase[] = [
  ...from('on an agent as its own user, from outside', OWN, 'outside', ['plain', 'outside'], ['root node']),
  ...from('on an agent as its own user, from another', OWN, OWN, [UNCONFINED, UNCONFINED], ['root node']),
  ...from('on an agent as its own user, from a launch', OWN, UNCONFINED, ['plain', UNCONFINED], ['root node']),
  // What else one launch tries on another is in theft.ts.
  ...from('on a launch, from another launch', 'plain', 'plain', ['plain', UNCONFINED], [], [['a signal', 'signal']]),
];
