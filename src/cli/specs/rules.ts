import type { CommandSpec } from './spec';
import type * as RulesValidateModule from '../commands/rules-validate';
import type * as RulesApplyModule from '../commands/rules-apply';
import type * as RulesLsModule from '../commands/rules-ls';
import type * as RulesExplainModule from '../commands/rules-explain';
import type * as RulesShowModule from '../commands/rules-show';

export const RULES: readonly CommandSpec[] = [
  {
    path: ['rules', 'validate'],
    operands: '<files...>',
    sentence: 'Check rule files and run the tests in them; nothing is changed and nothing need run.',
    examples: [
      ['rules validate rules/*.yaml', 'before a commit'],
      ['rules validate - < claude.yaml', 'from standard input'],
    ],
    options: [],
    exits: [],
    topic: 'rules',
    load: () => (require('../commands/rules-validate') as typeof RulesValidateModule).rulesValidate,
  },
  {
    path: ['rules', 'apply'],
    operands: '<files...>',
    sentence: 'Put rules into force, all or none; living agents get what changed at once.',
    examples: [
      ['rules apply claude.yaml', 'adds a version of each rule that differs'],
      ['rules apply rules/*.yaml', 'several files, one change'],
    ],
    options: [],
    exits: [
      [4, 'asked by an agent, or by a user who does not administer'],
      [5, 'nothing answers'],
    ],
    topic: 'rules',
    load: () => (require('../commands/rules-apply') as typeof RulesApplyModule).rulesApply,
  },
  {
    path: ['rules', 'ls'],
    operands: '',
    sentence: 'List the rules in force, first match first.',
    examples: [
      ['rules ls', 'for people'],
      ['rules ls -o jsonl', 'one rule a line'],
    ],
    options: [],
    exits: [[5, 'nothing answers']],
    topic: 'rules',
    load: () => (require('../commands/rules-ls') as typeof RulesLsModule).rulesLs,
  },
  {
    path: ['rules', 'show'],
    operands: '<name>',
    sentence: 'Show one rule and who applied which version of it when.',
    examples: [
      ['rules show claude-code', 'for people'],
      ['rules show claude-code -o json', 'for scripts'],
    ],
    options: [],
    exits: [[7, 'no such rule']],
    topic: 'rules',
    load: () => (require('../commands/rules-show') as typeof RulesShowModule).rulesShow,
  },
  {
    path: ['rules', 'explain'],
    operands: '',
    sentence: 'Say why a process gets an identity or none: its selectors, and each condition of the closest rules.',
    examples: [
      ['rules explain --pid 41377', 'also of a process that never asked'],
      ['rules explain --pid 41377 -o json', 'for scripts'],
    ],
    options: [{ title: 'Options', options: [{ flags: '--pid <pid>', text: 'the process; it is attested now' }] }],
    exits: [
      [4, 'asked by an agent, or by a user who does not administer'],
      [5, 'nothing answers'],
      [7, 'no such process'],
    ],
    topic: 'rules',
    load: () => (require('../commands/rules-explain') as typeof RulesExplainModule).rulesExplain,
  },
];
