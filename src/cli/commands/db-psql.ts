import { keptEnvironment, withConnection } from '../kept-environment';
import { authorizeDatabase, databaseChoice } from '../database-choice';
import type { Command } from '../specs/spec';

/** `mandate db psql`: becomes psql as the reading role. */
export const dbPsql: Command = async (context, operands, options) => {
  const { deps } = context;
  const launcher = deps.launcher();
  const descriptors = launcher.inheritedDescriptors();
  await authorizeDatabase(context, 'db psql');
  const psql = await deps.database().psql(databaseChoice(context, options));
  const { env, startedWith } = keptEnvironment(launcher.asStarted().env);
  const argv = ['psql', ...psql.args, ...operands].map((text) => Buffer.from(text));
  return launcher.execInPlace({ path: psql.program, argv, env: withConnection(env, psql.env), descriptors, startedWith });
};
