import { EXIT, MandateError } from '../../domain/errors';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { relationshipText } from '../federation-text';
import type { Command } from '../specs/spec';

const DEADLINE_MS = 30_000;

/** `mandate federation refresh`: of one partner, or of all. Fails where a partner gave no bundle. */
export const federationRefresh: Command = async ({ deps, out, service }, operands, options) => {
  const trustDomain = operands.length > 0 ? operand(operands, 0) : undefined;
  const acceptRollback = options['acceptRollback'] === true;
  if (acceptRollback && trustDomain === undefined)
    throw new MandateError('E_USAGE', { saw: '--accept-rollback for every partner', fix: 'name one trust domain' });
  const request = { acceptRollback, ...(trustDomain !== undefined && { trustDomain }) };
  const answer = await askAdmin(deps.clock, service().adminSocket, 'refreshFederation', request, DEADLINE_MS);
  const nowMs = deps.clock.nowMs();
  const text = answer.relationships.map(
    (item) => (style: Parameters<typeof relationshipText>[3]) => relationshipText(item, 'refreshed', nowMs, style),
  );
  out.answer(answer, (style) => (text.length === 0 ? 'no partners\n' : text.map((one) => one(style)).join('')), answer.relationships);
  return answer.relationships.some(({ failure }) => failure !== null) ? EXIT.failure : EXIT.ok;
};
