import type { ApplyAnswer } from '../../domain/rule-answers';
import { loadRules } from '../../domain/rule-file';
import { askAdmin } from '../admin-client';
import { affectedText } from '../affected-text';
import { namedRules } from '../rule-sources';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { checkedRules } from './rules-validate';

/** Longer than other verbs: the answer comes when living agents have been told. */
const DEADLINE_MS = 30_000;

/** `mandate rules apply`: reads the files here, so that mistakes show at once, and again in the server, which decides. */
export const rulesApply: Command = async ({ deps, out, service }, operands) => {
  const named = namedRules(deps, operands);
  checkedRules(loadRules(named.sources));
  const answer = await askAdmin(deps.clock, service().adminSocket, 'applyRules', { files: named.texts() }, DEADLINE_MS);
  out.answer(answer, (style) => applyText(answer, style));
};

export function applyText(answer: ApplyAnswer, style: Style): string {
  const changes = answer.changes.map((change) =>
    change.from === null
      ? `${style.good('new')}       rule ${safe(change.name)} v${change.to}\n`
      : `${style.warn('changed')}   rule ${safe(change.name)} v${change.from} → v${change.to}\n`,
  );
  const unchanged = answer.unchanged.map((name) => `unchanged rule ${safe(name)}\n`);
  return changes.join('') + unchanged.join('') + affectedText(answer.affected);
}
