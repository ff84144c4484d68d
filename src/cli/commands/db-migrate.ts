import { authorizeDatabase, databaseChoice } from '../database-choice';
import { safe } from '../safe';
import type { Command } from '../specs/spec';

/** `mandate db migrate`. */
export const dbMigrate: Command = async (context, _operands, options) => {
  const { deps, out } = context;
  const choice = databaseChoice(context, options);
  if (options['printRoles'] === true) return out.raw(deps.database().rolesSql(choice));
  await authorizeDatabase(context, 'db migrate');
  const answer = await deps.database().migrate(choice);
  const applied = answer.applied.map((name) => `applied ${safe(name)}\n`).join('');
  out.answer(answer, () => applied || `nothing to do: ${answer.already} migrations are there already\n`);
};
