import type { AttackCase } from '../attack-case';

/** A trusted program asks and dies before the node looks; it stays a zombie, and a child reads what would be answered to it. */
export const zombie: AttackCase = {
  name: 'zombie peer',
  needs: ['root', 'ours'],
  race: true,
  withoutGuard: { control: (field) => field.attack('zombie.py', ['alive'], { hand: 'root' }) },
  attack: (field, trials) => field.attack('zombie.py', ['dead'], { hand: 'root', trials }),
};
