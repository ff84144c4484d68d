import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import { textOption } from './arguments';
import type { CommandContext, OptionSpec, Options } from './specs/spec';

export const ROOT_OPTION: OptionSpec = { flags: '--root <dir>', text: "another machine's tree, e.g. of an image; no command is run there" };
export const DRY_RUN: OptionSpec = { flags: '--dry-run', text: 'say everything, change nothing' };

/** The tree that is meant: `/`, or the folder that `--root` names. One installation for each machine, so a state folder cannot be chosen. */
export function treeRoot({ deps }: CommandContext, options: Options): string {
  if (textOption(options, 'state') !== undefined)
    throw new MandateError('E_USAGE', { saw: '--state', why: 'an installed mandate lives in /var/lib/mandate' });
  const named = textOption(options, 'root');
  if (named === undefined) return '/';
  const root = path.resolve(deps.cwd, named);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new MandateError('E_NOT_FOUND', { saw: `no folder ${root.slice(0, 300)}` });
  return realpathSync(root);
}
