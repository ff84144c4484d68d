import { YES } from '../confirm';
import type { CommandSpec } from './spec';
import type * as AgentsLsModule from '../commands/agents-ls';
import type * as AgentsShowModule from '../commands/agents-show';
import type * as AgentsStopModule from '../commands/agents-stop';
import type * as WhoModule from '../commands/who';
import type * as TraceModule from '../commands/trace';

export const LINEAGE: readonly CommandSpec[] = [
  {
    path: ['agents', 'ls'],
    operands: '',
    sentence: 'List agents: whose they are, by which rule, and how long their SVIDs last.',
    examples: [
      ['agents ls', 'running agents'],
      ['agents ls --all -o jsonl', 'ended ones too, one document a line'],
    ],
    options: [
      {
        title: 'Options',
        options: [
          { flags: '--all', text: 'ended agents too' },
          { flags: '--limit <n>', text: 'at most so many, newest first (100)' },
        ],
      },
    ],
    exits: [[4, 'agents see themselves only']],
    topic: null,
    load: () => (require('../commands/agents-ls') as typeof AgentsLsModule).agentsLs,
  },
  {
    path: ['agents', 'show'],
    operands: '<agent>',
    sentence: 'Show one agent: launch, delegation, processes and latest SVID.',
    examples: [
      ['agents show hello-7k2m', 'by name'],
      ['agents show 0197', 'by the start of its id, if unique'],
    ],
    options: [],
    exits: [
      [4, 'agents see themselves only'],
      [7, 'no such agent, or more than one'],
    ],
    topic: null,
    load: () => (require('../commands/agents-show') as typeof AgentsShowModule).agentsShow,
  },
  {
    path: ['agents', 'stop'],
    operands: '<agent>',
    sentence: 'End every process of an agent, now; says first what will end.',
    examples: [
      ['agents stop hello-7k2m', 'asks at a terminal'],
      ['agents stop 41207 -y', 'the agent that this process belongs to, without asking'],
    ],
    options: [{ title: 'Options', options: [YES] }],
    exits: [
      [4, 'asked by an agent, or by somebody who neither launched it nor administers'],
      [7, 'no such agent, more than one, or it has ended'],
    ],
    topic: 'security',
    load: () => (require('../commands/agents-stop') as typeof AgentsStopModule).agentsStop,
  },
  {
    path: ['who'],
    operands: '<pid>',
    sentence: 'Say what is established about a living process, and what it would be given.',
    examples: [
      ['who 41207', 'facts, agent, human, identities'],
      ['who $$ -o json', 'this shell, for scripts'],
    ],
    options: [],
    exits: [
      [4, 'agents see themselves only'],
      [7, 'no such process'],
    ],
    topic: 'assurance',
    load: () => (require('../commands/who') as typeof WhoModule).who,
  },
  {
    path: ['trace'],
    operands: '<reference>',
    sentence: 'Walk from a credential to the human behind it.',
    examples: [
      ['trace 5f3a', 'by the start of a serial or jti, if unique'],
      ['trace 41207', 'by the pid of the process that holds it'],
      ['trace 5f3a9d07b2e84c6fa1d0e2773b64c91e -o json', 'for scripts: hops, delegator, complete'],
    ],
    options: [],
    exits: [
      [4, 'agents trace themselves only'],
      [7, 'no such credential, or more than one'],
    ],
    topic: 'assurance',
    load: () => (require('../commands/trace') as typeof TraceModule).trace,
  },
];
