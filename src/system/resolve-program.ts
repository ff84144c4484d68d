import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MandateError } from '../domain/errors';
import { errnoOf } from './errno';

/** What the C library searches where PATH is not set. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * Absolute path of the program that execvp(3) would run: a name with a slash is taken as a path, any other is looked for in PATH.
 * Throws E_RUN_NOT_FOUND, and E_RUN_NOT_EXECUTABLE where all that was found may not be executed.
 */
export function resolveProgram(name: string, path: string | undefined, cwd: string): string {
  if (name.includes('\0')) throw new MandateError('E_RUN_NOT_FOUND', { saw: 'a NUL byte in the name' });
  const folders = name.includes('/') ? [''] : name === '' ? [] : (path ?? DEFAULT_PATH).split(':');
  let forbidden: string | undefined;
  for (const folder of folders) {
    const candidate = resolve(cwd, folder, name);
    const found = tryProgram(candidate);
    if (found === 'program') return candidate;
    if (found === 'forbidden') forbidden ??= candidate;
  }
  if (forbidden !== undefined) throw new MandateError('E_RUN_NOT_EXECUTABLE', { saw: forbidden });
  throw new MandateError('E_RUN_NOT_FOUND', { saw: name.slice(0, 256) });
}

function tryProgram(candidate: string): 'program' | 'forbidden' | 'missing' {
  try {
    if (!statSync(candidate).isFile()) return 'forbidden';
    accessSync(candidate, constants.X_OK);
    return 'program';
  } catch (error) {
    return errnoOf(error) === 'EACCES' ? 'forbidden' : 'missing';
  }
}
