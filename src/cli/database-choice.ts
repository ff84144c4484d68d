import type { AuthorizedVerb } from '../domain/admin-verbs';
import { MandateError } from '../domain/errors';
import { textOption } from './arguments';
import type { DatabaseChoice } from '../domain/up';
import type { CommandContext, Options } from './specs/spec';
import type * as AdminClientModule from './admin-client';

/** Which database a `db` command means: flags, then environment, then the installation's own. */
export function databaseChoice(context: CommandContext, options: Options): DatabaseChoice {
  return {
    layout: context.layout(),
    databaseUrl: textOption(options, 'db') ?? context.deps.env['DATABASE_URL'],
    ownerUrl: textOption(options, 'dbOwner') ?? context.deps.env['MANDATE_DB_OWNER_URL'],
  };
}

/**
 * Asks the running service whether the caller may use the verb; agents and their descendants may not. Either answer is on record before
 * the database is opened. Where nothing runs, what the files and roles of the database allow decides.
 */
export async function authorizeDatabase(context: CommandContext, verb: AuthorizedVerb): Promise<void> {
  const { askAdmin } = require('./admin-client') as typeof AdminClientModule;
  try {
    await askAdmin(context.deps.clock, context.layout().adminSocket, 'authorize', { verb });
  } catch (error) {
    if (!(error instanceof MandateError) || error.code !== 'E_NOT_RUNNING') throw error;
  }
}
