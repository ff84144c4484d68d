import path from 'node:path';
import type { ConfigPlace } from '../domain/config';
import { MandateError } from '../domain/errors';
import type { Layout } from '../domain/layout';
import { textOption } from './arguments';
import type { CommandContext, OptionSpec, Options } from './specs/spec';

export const CONFIG_OPTION: OptionSpec = {
  flags: '--config <file>',
  text: 'configuration (or MANDATE_CONFIG); mandate.yaml in the state folder',
};

/** Which configuration is meant: the flag, then the environment, then the state folder's own. */
export function configPlace({ deps }: CommandContext, layout: Layout, options: Options): ConfigPlace {
  const named = textOption(options, 'config') ?? deps.env['MANDATE_CONFIG'];
  if (named === undefined) return { path: layout.configFile, named: false };
  if (named === '' || named.includes('\0')) throw new MandateError('E_USAGE', { saw: 'a configuration that no path can name' });
  return { path: path.resolve(deps.cwd, named), named: true };
}
