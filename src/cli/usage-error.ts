import type { CommanderError } from 'commander';
import { MandateError } from '../domain/errors';
import { suggestion } from '../domain/rule-problem';
import { COMMANDS, GROUPS } from './specs/all';
import type { CommandSpec } from './specs/spec';

/** A command line that was not understood, with the nearest thing that would have been. */
export function usageError(error: CommanderError, spec: CommandSpec | undefined): MandateError {
  const [first = '', hint] = error.message.split('\n');
  const nearest = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(hint ?? '')?.[1];
  const command = spec ? `mandate ${spec.path.join(' ')} --help` : 'mandate --help';
  return new MandateError('E_USAGE', { saw: first.replace(/^error: /, ''), fix: nearest ? `did you mean ${nearest}?` : `see ${command}` });
}

/** No command where one must stand, or one that does not exist. `above` is the word before it, if any. */
export function noSuchCommand(above: readonly string[], words: readonly string[]): MandateError {
  const line = ['mandate', ...above].join(' ');
  const [word] = words;
  if (word === undefined) return new MandateError('E_USAGE', { saw: `no command after: ${line}`, fix: `see ${line} --help` });
  const known = above.length > 0 ? COMMANDS.filter((spec) => spec.path[0] === above[0]).map((spec) => spec.path[1] ?? '') : firstWords();
  const nearest = suggestion(word, known);
  return new MandateError('E_USAGE', {
    saw: `no such command: ${line} ${word.slice(0, 100)}`,
    fix: nearest ? `did you mean: ${line} ${nearest}` : `see ${line} --help`,
  });
}

const firstWords = (): string[] => [...new Set([...GROUPS.map((group) => group.name), ...COMMANDS.map((spec) => spec.path[0] ?? '')])];
