import type { WhoAnswer } from '../../domain/agent-answers';
import { askAdmin } from '../admin-client';
import { operand, wholeNumber } from '../arguments';
import { safe, safeOr } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs } from '../table';

/** Largest pid that Linux gives out. */
const MAX_PID = 2 ** 22;

/** `mandate who`. */
export const who: Command = async ({ deps, out, service }, operands) => {
  const pid = wholeNumber(operand(operands, 0), 'pid', 1, MAX_PID);
  const answer = await askAdmin(deps.clock, service().adminSocket, 'who', { pid });
  out.answer(answer, (style) => whoText(answer, style));
};

export function whoText(answer: WhoAnswer, style: Style): string {
  const human = answer.human === null ? ', no human named' : ` of ${safe(answer.human)}`;
  const agent = answer.agent ? `agent ${style.bold(safe(answer.agent.name))}${human}` : 'not known as part of an agent';
  const identities = answer.identities.map(
    (identity) => `  ${style.good('✓')} ${safe(identity.spiffeId)}  rule ${safe(identity.rule)} v${identity.ruleVersion}\n`,
  );
  const refusal = answer.refusal ? `  ${style.bad('✗')} ${safe(answer.refusal.message)} (${answer.refusal.code})\n` : '';
  const facts = pairs(answer.facts.map((fact) => [safe(fact.selector), `${safe(fact.value)}  ${style.dim(fact.assurance)}`]));
  const ancestors = pairs(answer.ancestors.map((ancestor) => [`pid ${ancestor.pid}`, `uid ${ancestor.uid}  ${safeOr(ancestor.exe)}`]));
  const parts = [`pid ${answer.pid}  ${agent}\n${identities.join('')}${refusal}`, `Facts\n${facts}`];
  if (answer.ancestors.length > 0) parts.push(`Started by, nearest first (the chain ends: ${safe(answer.chainEnd)})\n${ancestors}`);
  if (answer.gaps.length > 0) parts.push(`Not established\n${answer.gaps.map((gap) => `  ${safe(gap)}\n`).join('')}`);
  return parts.join('\n');
}
