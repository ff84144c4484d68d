import { askAdmin } from '../admin-client';
import { authoritiesText } from '../authority-text';
import type { Command } from '../specs/spec';

/** `mandate ca show`. */
export const caShow: Command = async ({ deps, out, service }, _operands, options) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'showAuthorities', {});
  out.answer(answer, (style) => authoritiesText(answer, options['all'] === true, deps.clock.nowMs(), style), answer.authorities);
};
