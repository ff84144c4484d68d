import type { AttackCase } from '../attack-case';
import { HASH_BY_PATH, NO_MOUNT_CHECK } from '../guards';
import { identityAt } from '../won';

/** A program without an identity makes itself look like a trusted one: from memory, under its name, in its place, or mounted over it. */
export const lookAlikes: readonly AttackCase[] = [
  {
    name: 'memfd under a trusted name',
    withoutGuard: { control: (field) => field.attack('looks.py', ['memfd-same']) },
    attack: (field) => field.attack('looks.py', ['memfd']),
  },
  {
    name: 'own file replaced by a trusted one',
    withoutGuard: { patches: [HASH_BY_PATH] },
    attack: (field) => field.attack('looks.py', ['replaced']),
  },
  {
    name: 'own file deleted, a trusted one in its place',
    withoutGuard: { patches: [HASH_BY_PATH] },
    attack: (field) => field.attack('looks.py', ['deleted']),
  },
  {
    name: 'bind mount over a trusted path',
    needs: ['ours'],
    won: identityAt('/by-path'),
    withoutGuard: { patches: [NO_MOUNT_CHECK] },
    attack: (field) => field.attack('looks.py', ['mounted']),
  },
  {
    name: 'another program shown as its own',
    needs: ['cc'],
    attack: (field) => field.attack('looks.py', ['shown']),
  },
  {
    name: 'another program shown as its own, rule with an account of its own',
    needs: ['ours', 'root', 'other user', 'cc'],
    only: 'installed',
    won: identityAt('/own-account'),
    withoutGuard: { control: (field) => field.attack('looks.py', ['shown'], { hand: 'other' }) },
    attack: (field) => field.attack('looks.py', ['shown']),
  },
];
