import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CATALOGUE, MandateError, isErrorCode, type ErrorCode } from '../../domain/errors';
import { suggestion } from '../../domain/rule-problem';
import { helpOfProgram, helpOfWords } from '../command-help';
import { COMMANDS, GROUPS } from '../specs/all';
import type { Command } from '../specs/spec';
import { TOPICS } from '../topics';

/** `mandate help`: a command, a topic, or an error code. */
export const help: Command = ({ deps, out }, words) => {
  out.raw(pageOf(words, deps.root));
  return Promise.resolve();
};

function pageOf(words: readonly string[], root: string): string {
  const asked = words.join(' ');
  if (asked === '') return helpOfProgram();
  const code = asked.toUpperCase();
  if (isErrorCode(code)) return sectionOf(code, root);
  if (Object.hasOwn(TOPICS, asked)) return page(root, `docs/help/${asked}.md`);
  const command = helpOfWords(words);
  if (command !== undefined) return command;
  const near =
    suggestion(asked, namesOf()) ??
    suggestion(
      asked,
      Object.keys(CATALOGUE).map((name) => name.toLowerCase()),
    )?.toUpperCase();
  throw new MandateError('E_NOT_FOUND', {
    saw: `no command, topic or code named ${asked.slice(0, 80)}`,
    fix: near ? `did you mean: mandate help ${near}` : `topics: ${Object.keys(TOPICS).join(', ')}`,
  });
}

const namesOf = () => [...COMMANDS.map((spec) => spec.path.join(' ')), ...GROUPS.map((group) => group.name), ...Object.keys(TOPICS)];

/** The section of docs/errors.md that explains a code. */
function sectionOf(code: ErrorCode, root: string): string {
  const lines = page(root, 'docs/errors.md').split('\n');
  const start = lines.findIndex((line) => new RegExp(`^#{2,3} \`?${code}\`?(?:\\s|$)`).test(line));
  if (start < 0) return `${code}\n\n${CATALOGUE[code].message}\n`;
  const length = lines.slice(start + 1).findIndex((line) => /^#{1,3} /.test(line));
  const section = lines.slice(start, length < 0 ? undefined : start + 1 + length);
  return `${section.join('\n').replace(/^#+ /, '').trimEnd()}\n`;
}

function page(root: string, file: string): string {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch (cause) {
    throw new MandateError('E_NOT_FOUND', { saw: `${file} is not part of this installation` }, { cause });
  }
}
