import { authorizeDatabase, databaseChoice } from '../database-choice';
import type { Command } from '../specs/spec';

/** `mandate db psql`: becomes psql as the reading role. */
export const dbPsql: Command = async (context, operands, options) => {
  const { deps } = context;
  const launcher = deps.launcher();
  const descriptors = launcher.inheritedDescriptors();
  await authorizeDatabase(context, 'db psql');
  const psql = await deps.database().psql(databaseChoice(context, options));
  return launcher.execInPlace({ path: psql.program, argv: ['psql', ...psql.args, ...operands], env: psql.env, descriptors });
};
