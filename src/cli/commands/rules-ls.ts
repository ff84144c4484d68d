import type { RulesAnswer } from '../../domain/rule-answers';
import { askAdmin } from '../admin-client';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';
import { duration, instant } from '../times';

/** `mandate rules ls`. */
export const rulesLs: Command = async ({ deps, out, service }) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'listRules', {});
  out.answer(answer, (style) => rulesText(answer, deps.clock.nowMs(), style), answer.rules);
};

export function rulesText(answer: RulesAnswer, nowMs: number, style: Style): string {
  if (answer.rules.length === 0) return 'no rules: every process is refused\n';
  const rows = answer.rules.map((rule) => [
    safe(rule.name),
    `v${rule.version}`,
    String(rule.priority),
    rule.disabled ? 'disabled' : 'in force',
    safe(rule.id),
    `${duration(rule.x509TtlSeconds * 1000)}/${duration(rule.jwtTtlSeconds * 1000)}`,
    instant(rule.applied, nowMs, style),
    safe(rule.author),
  ]);
  return table(['NAME', 'VERSION', 'PRIORITY', 'STATE', 'IDENTITY', 'X509/JWT', 'APPLIED', 'BY'], rows, style);
}
