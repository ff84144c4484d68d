import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import type { Command } from '../specs/spec';
import { traceText } from '../trace-text';

/** `mandate trace`. */
export const trace: Command = async ({ deps, out, service }, operands) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'trace', { reference: operand(operands, 0) });
  out.answer(answer, (style) => traceText(answer, deps.clock.nowMs(), style));
};
