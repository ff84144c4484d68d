import { MandateError } from '../../domain/errors';
import { textOption } from '../arguments';
import type { Options } from '../specs/spec';

const MAX_TASK = 500;

/** `--name`, or empty. Throws E_USAGE. */
export function nameOf(options: Options): string {
  const name = textOption(options, 'name') ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$|^$/.test(name))
    throw new MandateError('E_USAGE', {
      saw: `--name ${name.slice(0, 100)}`,
      fix: 'up to 63 letters, digits, dots, dashes and underscores',
    });
  return name;
}

/** `--task`, or empty. Throws E_USAGE. */
export function taskOf(options: Options): string {
  const task = textOption(options, 'task') ?? '';
  if (task.length > MAX_TASK) throw new MandateError('E_USAGE', { saw: `a task of ${task.length} characters`, fix: `at most ${MAX_TASK}` });
  return task;
}
