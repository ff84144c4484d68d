import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { RuleFileText } from '../domain/admin-verbs';
import { MandateError } from '../domain/errors';
import type { RuleSource } from '../domain/rule-file';
import type { CliDeps } from './ports';

/** Largest rule file, and largest list of hashes that one names. */
const MAX_FILE_BYTES = 256 * 1024;
const MAX_FILES = 100;

/** Rule files named on a command line, and what they turn out to include while they are read. */
export interface NamedRules {
  readonly sources: readonly RuleSource[];
  /** The texts for the service; complete once the sources have been read. */
  texts(): readonly RuleFileText[];
}

/** Reads rule files; `-` is standard input. Throws E_NOT_FOUND, E_RULE_INVALID for one that is no file or too large. */
export function namedRules(deps: Pick<CliDeps, 'cwd'>, names: readonly string[]): NamedRules {
  if (names.length > MAX_FILES) throw new MandateError('E_USAGE', { saw: `${names.length} files`, fix: `at most ${MAX_FILES}` });
  const files = names.map((name) => ({
    fileName: name,
    text: name === '-' ? readBounded(0, 'standard input') : readNamed(path.resolve(deps.cwd, name), name),
    includes: new Map<string, string>(),
  }));
  const sources = files.map((file): RuleSource => ({
    file: file.fileName,
    text: file.text,
    readFile: (included) => {
      const folder = file.fileName === '-' ? deps.cwd : path.dirname(path.resolve(deps.cwd, file.fileName));
      const text = file.includes.get(included) ?? readNamed(path.resolve(folder, included), included);
      file.includes.set(included, text);
      return text;
    },
  }));
  return { sources, texts: () => files.map((file) => ({ ...file, includes: Object.fromEntries(file.includes) })) };
}

function readNamed(file: string, shown: string): string {
  try {
    // A FIFO or device would block or never end.
    if (!statSync(file).isFile()) throw new MandateError('E_RULE_INVALID', { saw: `${shown.slice(0, 200)} is no regular file` });
  } catch (cause) {
    if (cause instanceof MandateError) throw cause;
    throw new MandateError(
      'E_NOT_FOUND',
      { saw: `${shown.slice(0, 200)}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}` },
      { cause },
    );
  }
  return readBounded(file, shown);
}

function readBounded(file: string | number, shown: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new MandateError(
      'E_NOT_FOUND',
      { saw: `${shown.slice(0, 200)}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}` },
      { cause },
    );
  }
  if (bytes.length > MAX_FILE_BYTES)
    throw new MandateError('E_RULE_INVALID', { saw: `${shown.slice(0, 200)} has ${bytes.length} bytes`, fix: `at most ${MAX_FILE_BYTES}` });
  return bytes.toString('utf8');
}
