import { YES } from '../confirm';
import { DRY_RUN, ROOT_OPTION } from '../tree-root';
import type { CommandSpec } from './spec';
import type * as InstallModule from '../commands/install';
import type * as UninstallModule from '../commands/uninstall';

export const INSTALL: readonly CommandSpec[] = [
  {
    path: ['install'],
    operands: '',
    sentence: 'Have systemd run mandate on this machine, each part under an account of its own.',
    examples: [
      ['install --dry-run', 'every file whole and every command; changes nothing'],
      ['install', 'as root; a second time there is nothing to do'],
      ['install --root /mnt/image', 'into the tree of another machine'],
    ],
    options: [{ title: 'Options', options: [DRY_RUN, ROOT_OPTION] }],
    exits: [[4, 'not asked by root']],
    topic: 'separation',
    load: () => (require('../commands/install') as typeof InstallModule).install,
  },
  {
    path: ['uninstall'],
    operands: '',
    sentence: 'Remove what install made; state and keys stay unless --purge says otherwise.',
    examples: [
      ['uninstall --dry-run', 'what would be removed'],
      ['uninstall', 'units and links; state, keys and their accounts stay'],
      ['uninstall --purge -y', 'everything: no SVID of this installation can be verified or traced any more'],
    ],
    options: [
      {
        title: 'Options',
        options: [{ flags: '--purge', text: 'state, keys, lineage and accounts as well' }, DRY_RUN, ROOT_OPTION, YES],
      },
    ],
    exits: [[4, 'not asked by root']],
    topic: 'separation',
    load: () => (require('../commands/uninstall') as typeof UninstallModule).uninstall,
  },
];
