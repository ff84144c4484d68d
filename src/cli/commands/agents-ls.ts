import type { AgentItem, AgentsAnswer } from '../../domain/agent-answers';
import { askAdmin } from '../admin-client';
import { textOption, wholeNumber } from '../arguments';
import { safeOr } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';
import { duration, instant } from '../times';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

/** `mandate agents ls`. */
export const agentsLs: Command = async ({ deps, out, service }, _operands, options) => {
  const limit = wholeNumber(textOption(options, 'limit') ?? String(DEFAULT_LIMIT), '--limit', 1, MAX_LIMIT);
  const answer = await askAdmin(deps.clock, service().adminSocket, 'listAgents', { ended: options['all'] === true, limit });
  out.answer(answer, (style) => agentsText(answer, deps.clock.nowMs(), style), answer.agents);
  if (answer.more) out.note(() => `more agents than ${limit}: see --limit\n`);
};

export function agentsText(answer: AgentsAnswer, nowMs: number, style: Style): string {
  if (answer.agents.length === 0) return 'no agents\n';
  const row = (item: AgentItem): string[] => [
    safeOr(item.name),
    safeOr(item.human),
    item.state,
    safeOr(item.rule),
    leftOf(item, style),
    item.pid === null ? '–' : String(item.pid),
    instant(item.started, nowMs, style),
  ];
  return table(['NAME', 'HUMAN', 'STATE', 'RULE', 'SVID-LEFT', 'PID', 'STARTED'], answer.agents.map(row), style);
}

function leftOf(item: AgentItem, style: Style): string {
  if (item.svidLeftSeconds === null) return '–';
  return style.person ? duration(item.svidLeftSeconds * 1000) : `${item.svidLeftSeconds}s`;
}
