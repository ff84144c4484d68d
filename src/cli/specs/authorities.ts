import type * as CaOrderModule from '../commands/ca-order';
import type * as CaShowModule from '../commands/ca-show';
import { YES } from '../confirm';
import type { CommandSpec } from './spec';

const order = () => require('../commands/ca-order') as typeof CaOrderModule;
const EXITS = [
  [4, 'you do not administer this installation'],
  [5, 'nothing answers'],
] as const;
const KIND = '[kind]';
const KEY = '<key>';

export const AUTHORITIES: readonly CommandSpec[] = [
  {
    path: ['ca', 'show'],
    operands: '',
    sentence: 'Show the authorities, their stages and what comes next.',
    examples: [
      ['ca show', 'those that sign, will sign, or are still in the bundle'],
      ['ca show --all', 'and those that have gone'],
      ['ca show -o json', 'with every instant'],
    ],
    options: [{ title: 'Options', options: [{ flags: '--all', text: 'also authorities that are out of the bundle' }] }],
    exits: EXITS,
    topic: null,
    load: () => (require('../commands/ca-show') as typeof CaShowModule).caShow,
  },
  {
    path: ['ca', 'prepare'],
    operands: KIND,
    sentence: 'Make and publish successors now; they take over in their time, or when they are activated.',
    examples: [
      ['ca prepare', 'one of each kind that signs'],
      ['ca prepare x509', 'only one for X509-SVIDs'],
      ['ca prepare jwt-rs256', 'the key for tokens with RS256, before a rule asks for it'],
    ],
    options: [],
    exits: EXITS,
    topic: null,
    load: () => order().caPrepare,
  },
  {
    path: ['ca', 'activate'],
    operands: KEY,
    sentence: 'Have a prepared authority take over now.',
    examples: [
      ['ca activate 6c1f', 'a key id of ca show, or its first characters'],
      ['ca activate 6c1f -o json', 'for scripts'],
    ],
    options: [],
    exits: EXITS,
    topic: null,
    load: () => order().caActivate,
  },
  {
    path: ['ca', 'taint'],
    operands: KEY,
    sentence: 'End an authority whose key may be known to others: it signs nothing more, and open streams get SVIDs of another one.',
    examples: [
      ['ca taint 6c1f', 'says what that means, and asks'],
      ['ca taint 6c1f -y', 'without asking'],
    ],
    options: [{ title: 'Options', options: [YES] }],
    exits: EXITS,
    topic: null,
    load: () => order().caTaint,
  },
  {
    path: ['ca', 'revoke'],
    operands: KEY,
    sentence: 'Take an authority out of the bundle: from now on nothing that it signed is accepted.',
    examples: [
      ['ca revoke 6c1f', 'says what that means, and asks'],
      ['ca revoke 6c1f -y', 'without asking'],
    ],
    options: [{ title: 'Options', options: [YES] }],
    exits: EXITS,
    topic: null,
    load: () => order().caRevoke,
  },
  {
    path: ['ca', 'rotate'],
    operands: KIND,
    sentence: 'Replace authorities as soon as verifiers know their successors.',
    examples: [
      ['ca rotate', 'every kind that signs'],
      ['ca rotate jwt', 'only the one for JWT-SVIDs with ES256'],
    ],
    options: [],
    exits: EXITS,
    topic: null,
    load: () => order().caRotate,
  },
];
