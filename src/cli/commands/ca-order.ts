import type { AuthoritiesAnswer, AuthorityItem } from '../../domain/authority-answers';
import { durationText } from '../../domain/authority-config';
import { AUTHORITY_KINDS, SIGNS } from '../../domain/authority-life';
import { EXIT, MandateError } from '../../domain/errors';
import type { AuthorityKind } from '../../domain/authority-row';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { authorityTable } from '../authority-text';
import { confirmed } from '../confirm';
import { safe } from '../safe';
import type { Command, CommandContext } from '../specs/spec';

/** Longer than other verbs: keys are made, and each step is on disk before the next. */
const DEADLINE_MS = 15_000;

type Ordered = Parameters<typeof askAdmin<'orderAuthorities'>>[3];

async function order({ deps, out, service }: CommandContext, request: Ordered): Promise<void> {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'orderAuthorities', request, DEADLINE_MS);
  out.answer(answer, (style) => authorityTable(answer.authorities, deps.clock.nowMs(), style), answer.authorities);
}

/** `mandate ca prepare` and `mandate ca rotate`, for one kind or every one that signs. */
const successors =
  (verb: 'prepare' | 'rotate'): Command =>
  (context, operands) =>
    order(context, { order: verb, ...(operands.length > 0 && { kinds: [kindOf(operand(operands, 0))] }) });
export const caPrepare = successors('prepare');
export const caRotate = successors('rotate');

function kindOf(text: string): AuthorityKind {
  const kind = AUTHORITY_KINDS.find((known) => known === text);
  if (!kind) throw new MandateError('E_USAGE', { saw: safe(text), fix: `a kind of authority is ${AUTHORITY_KINDS.join(', ')}` });
  return kind;
}

/** `mandate ca activate`. */
export const caActivate: Command = (context, operands) => order(context, { order: 'activate', reference: operand(operands, 0) });

/** `mandate ca taint` and `mandate ca revoke`: say what ends, ask, and do it. */
const ending =
  (verb: 'taint' | 'revoke', whatEnds: (item: AuthorityItem, answer: AuthoritiesAnswer, nowMs: number) => string): Command =>
  async (context, operands, options) => {
    const { deps, out, service } = context;
    const known = await askAdmin(deps.clock, service().adminSocket, 'showAuthorities', {});
    const reference = operand(operands, 0);
    const found = known.authorities.filter(({ keyId }) => keyId.startsWith(reference));
    const [item] = found;
    // What the reference does not name alone the service refuses, and says why.
    if (found.length !== 1 || !item) return order(context, { order: verb, reference });
    if (!(await confirmed(context, options, whatEnds(item, known, deps.clock.nowMs())))) {
      out.note(() => 'nothing was changed\n');
      return EXIT.failure;
    }
    return order(context, { order: verb, reference: item.keyId });
  };

const NAMES = { x509: 'X509-SVIDs', jwt: 'JWT-SVIDs' } as const;

export const caTaint = ending('taint', (item, answer, nowMs) => {
  const svids = NAMES[SIGNS[item.kind]];
  const replaced =
    item.kind === 'x509' ? 'every open stream gets an SVID of another authority' : 'tokens that are out stay valid until it is revoked';
  const hint = durationText(answer.refreshHintSeconds);
  const lines = [
    `${safe(item.keyId)} (${item.stage}) signs no ${svids} from now on, and ${replaced}.`,
    `It stays in the bundle until it is revoked: by itself, ${hint} after another one signs in its place and is published.`,
  ];
  const successor = answer.authorities.find(({ kind, stage }) => kind === item.kind && stage === 'prepared');
  if (item.stage === 'active' && (successor?.ready ?? null) === null)
    lines.push(`No successor is published: services that read the bundle refuse new ${svids} until they read it again, every ${hint}.`);
  else if (item.stage === 'active' && Date.parse(successor?.ready ?? '') > nowMs)
    lines.push(`Its successor was published a moment ago: services that did not read the bundle since refuse new ${svids} until they do.`);
  return `${lines.join('\n')}\n`;
});

export const caRevoke = ending(
  'revoke',
  (item) => `${safe(item.keyId)} (${item.stage}) leaves the bundle now: nothing that it signed is accepted any more.\n`,
);
