import { CONFIG_OPTION } from '../config-place';
import type { CommandSpec } from './spec';
import type * as ConfigShowModule from '../commands/config-show';

export const CONFIG: readonly CommandSpec[] = [
  {
    path: ['config', 'show'],
    operands: '',
    sentence: 'Show the configuration that the next start reads, and where each value comes from.',
    examples: [
      ['config show', 'keys, values and sources'],
      ['config show --config ./mandate.yaml', 'of a file that is not in force yet'],
    ],
    options: [{ title: 'Options', options: [CONFIG_OPTION] }],
    exits: [],
    topic: 'environment',
    load: () => (require('../commands/config-show') as typeof ConfigShowModule).configShow,
  },
];
