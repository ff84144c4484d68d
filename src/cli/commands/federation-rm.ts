import type { FederationItem } from '../../domain/federation-answers';
import { EXIT } from '../../domain/errors';
import { parseTrustDomain } from '../../domain/spiffe-id';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { confirmed } from '../confirm';
import { safe } from '../safe';
import type { Command } from '../specs/spec';

/** `mandate federation rm`: says who loses what, asks, and ends the relationship. */
export const federationRm: Command = async (context, operands, options) => {
  const { deps, out, service } = context;
  const { adminSocket } = service();
  const trustDomain = parseTrustDomain(operand(operands, 0));
  const { relationships } = await askAdmin(deps.clock, adminSocket, 'listFederation', {});
  const found = relationships.find((item) => item.trustDomain === trustDomain);
  // What is not there is for the service to say.
  if (found && !(await confirmed(context, options, planText(found)))) {
    out.note(() => 'nothing was removed\n');
    return EXIT.failure;
  }
  const answer = await askAdmin(deps.clock, adminSocket, 'removeFederation', { trustDomain });
  out.answer(answer, (style) => `removed ${style.bold(safe(answer.trustDomain))}: its bundle is forgotten, and agents were told\n`);
  return EXIT.ok;
};

function planText({ trustDomain, rules }: FederationItem): string {
  const name = safe(trustDomain);
  if (rules.length === 0) return `The bundle of ${name} is forgotten; no rule names it.\n`;
  const many = rules.length === 1 ? 'rule' : 'rules';
  return `The bundle of ${name} is forgotten: agents of ${many} ${rules.map(safe).join(', ')} no longer accept its SVIDs, from now on.\n`;
}
