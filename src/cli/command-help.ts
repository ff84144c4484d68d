import { COMMANDS, GROUPS, SECTIONS } from './specs/all';
import { GLOBAL_OPTIONS, type CommandSpec, type GroupSpec, type OptionSpec } from './specs/spec';
import { pairs } from './table';
import { TOPICS } from './topics';

/** `mandate <command> --help`: one sentence, usage, examples, then flags, exit codes that differ, and where more is said. */
export function helpOfCommand(spec: CommandSpec): string {
  const usage = ['mandate', ...spec.path, ...(spec.options.length > 0 ? ['[options]'] : []), ...operands(spec)].join(' ');
  const parts = [
    `${spec.sentence}\n`,
    `  ${usage}\n`,
    `Examples\n${pairs(spec.examples.map(([line, purpose]) => [`mandate ${line}`, purpose]))}`,
    ...spec.options.map((group) => `${group.title}\n${flags(group.options)}`),
    `Everywhere\n${flags([...GLOBAL_OPTIONS, { flags: '-h, --help', text: 'this page' }])}`,
  ];
  if (spec.exits.length > 0)
    parts.push(`Exit codes beside 0, 1 and 2\n${pairs(spec.exits.map(([code, meaning]) => [String(code), meaning]))}`);
  parts.push(`More: ${spec.topic ? `mandate help ${spec.topic}` : 'mandate help exit-codes'}\n`);
  return parts.join('\n');
}

/** `mandate agents --help` and its like. */
export function helpOfGroup(group: GroupSpec): string {
  const below = COMMANDS.filter((spec) => spec.path[0] === group.name);
  return [
    `${group.sentence}\n`,
    `  mandate ${group.name} <command>\n`,
    `Examples\n${pairs(below.map((spec) => [`mandate ${spec.examples[0]?.[0] ?? ''}`, spec.examples[0]?.[1] ?? '']))}`,
    `Commands\n${pairs(below.map((spec) => [spec.path.slice(1).join(' '), spec.sentence]))}`,
    `More: mandate ${group.name} <command> --help\n`,
  ].join('\n');
}

/** `mandate --help`. */
export function helpOfProgram(): string {
  return [
    'Short-lived identities for AI agents, and the human behind each of them.\n',
    '  mandate <command> [options]\n',
    `Examples\n${pairs([
      ['mandate up -d', 'start the issuer on this machine'],
      ['mandate run -- claude', 'start an agent with an identity of its own'],
      ['mandate trace 5f3a', 'who is behind this serial number'],
    ])}`,
    ...SECTIONS.map((section) => `${section.title}\n${pairs(linesOf(section.commands))}`),
    `Everywhere\n${flags([...GLOBAL_OPTIONS, { flags: '-V, --version', text: 'print the version' }, { flags: '-h, --help', text: 'this page' }])}`,
    `More: mandate help <topic>: ${Object.keys(TOPICS).join(', ')}\n`,
  ].join('\n');
}

/** A line for each command, and one for all commands of a folded group. */
function linesOf(commands: readonly CommandSpec[]): readonly (readonly [string, string])[] {
  const lines = new Map<string, string>();
  for (const { path, sentence } of commands) {
    const folded = GROUPS.find((group) => group.folded && group.name === path[0]);
    if (folded) lines.set(`${folded.name} <command>`, folded.sentence);
    else lines.set(path.join(' '), sentence);
  }
  return [...lines];
}

const operands = (spec: CommandSpec): string[] => {
  if (!spec.operands) return [];
  const words = spec.operands.replace('<command...>', 'COMMAND [ARGUMENT...]').replace('[arguments...]', '[ARGUMENT...]');
  return [...(spec.passThrough ? ['--'] : []), words];
};

const flags = (options: readonly OptionSpec[]): string => pairs(options.map((option) => [option.flags, option.text]));

/** Names a person may ask help for besides topics and codes. */
export const helpOfWords = (words: readonly string[]): string | undefined => {
  const spec = COMMANDS.find((candidate) => candidate.path.join(' ') === words.join(' '));
  if (spec) return helpOfCommand(spec);
  const group = GROUPS.find((candidate) => candidate.name === words.join(' '));
  return group && helpOfGroup(group);
};
