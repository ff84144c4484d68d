import type { DatabaseStatusAnswer } from '../../domain/answers';
import { authorizeDatabase, databaseChoice } from '../database-choice';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';

/** `mandate db status`. */
export const dbStatus: Command = async (context, _operands, options) => {
  const { deps, out } = context;
  const choice = databaseChoice(context, options);
  await authorizeDatabase(context, 'db status');
  const answer = await deps.database().status(choice);
  out.answer(answer, (style) => databaseText(answer, style));
};

export function databaseText(answer: DatabaseStatusAnswer, style: Style): string {
  const state =
    answer.pending === 0 ? style.good('schema is current') : style.bad(`${answer.pending} migrations pending: mandate db migrate`);
  const rows = answer.migrations.map((migration) => [safe(migration.name), migration.applied ? 'applied' : style.warn('pending')]);
  return `${answer.source} PostgreSQL ${safe(answer.version)} · ${state}\n\n${table(['MIGRATION', 'STATE'], rows, style)}`;
}
