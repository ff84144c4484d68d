import type { StopAnswer } from '../../domain/agent-answers';
import { EXIT } from '../../domain/errors';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { confirmed } from '../confirm';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { instant } from '../times';

/** Longer than other verbs: processes are asked to end before they are made to. */
const DEADLINE_MS = 15_000;

/** `mandate agents stop`: says what will end, asks, and ends it. */
export const agentsStop: Command = async (context, operands, options) => {
  const { deps, out, service } = context;
  const { adminSocket } = service();
  const reference = operand(operands, 0);
  const planned = await askAdmin(deps.clock, adminSocket, 'stopAgent', { reference, carryOut: false });
  const question = planText(planned, deps.clock.nowMs(), out.noteStyle);
  if (!(await confirmed(context, options, question))) {
    out.note(() => 'nothing was stopped\n');
    return EXIT.failure;
  }
  // By its id from here on: a name could have come to fit two, a pid to mean another process.
  const answer = await askAdmin(deps.clock, adminSocket, 'stopAgent', { reference: planned.agent.id, carryOut: true }, DEADLINE_MS);
  out.answer(answer, (style) => stopText(answer, style));
  return answer.left === 0 ? EXIT.ok : EXIT.failure;
};

function planText({ agent, by, processes, lastSvid }: StopAnswer, nowMs: number, style: Style): string {
  const ends = `${processes} ${processes === 1 ? 'process' : 'processes'} of ${style.bold(safe(agent.name))} end now`;
  const last = lastSvid === null ? '' : `, its last SVID dies by ${instant(lastSvid, nowMs, style)}`;
  const missed = by === 'ancestry' ? '; it has no control group, so what was handed to init is not reached' : '';
  return `${ends}${last}${missed}.\n`;
}

export function stopText({ agent, by, processes, left }: StopAnswer, style: Style): string {
  if (left > 0) return `${style.bad('not stopped')}: ${left} of ${processes} processes of ${safe(agent.name)} are still there\n`;
  const how = by === 'cgroup' ? 'all of its control group' : 'those that were pinned and their descendants';
  return `stopped ${style.bold(safe(agent.name))}: ${processes} ${processes === 1 ? 'process' : 'processes'}, ${how}\n`;
}
