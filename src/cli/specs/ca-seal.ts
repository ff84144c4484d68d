import { PASSPHRASE_OPTIONS } from '../passphrase';
import type { CommandSpec } from './spec';
import type * as CaSealModule from '../commands/ca-seal';

const OPTIONS: CommandSpec['options'] = [
  {
    title: 'Options',
    options: [...PASSPHRASE_OPTIONS, { flags: '--credential', text: 'by the credential key-seal that systemd gives the server' }],
  },
];
const EXITS: CommandSpec['exits'] = [
  [1, 'it does not fit how the keys rest, or files of before could not be removed'],
  [4, 'asked by an agent, or by a user who does not administer'],
  [5, 'nothing answers'],
];

export const CA_SEAL: readonly CommandSpec[] = [
  {
    path: ['ca', 'seal'],
    operands: '',
    sentence: 'Put the authority keys under a passphrase, or a credential of systemd; the next start needs it.',
    examples: [
      ['ca seal', 'asks for a new passphrase, twice'],
      ['ca seal --passphrase-file ./passphrase', 'from a file of yours with mode 0600'],
      ['ca seal --credential', 'installed: by what systemd unseals for the server'],
    ],
    options: OPTIONS,
    exits: EXITS,
    topic: 'security',
    load: () => (require('../commands/ca-seal') as typeof CaSealModule).caSeal,
  },
  {
    path: ['ca', 'reseal'],
    operands: '',
    sentence: 'Put the sealed authority keys under a new passphrase or credential; the old one opens nothing that is left.',
    examples: [
      ['ca reseal', 'asks for a new passphrase, twice'],
      ['ca reseal --credential', 'after the credential was changed and the server restarted with both'],
    ],
    options: OPTIONS,
    exits: EXITS,
    topic: 'security',
    load: () => (require('../commands/ca-seal') as typeof CaSealModule).caReseal,
  },
];
