import type { JwtSvidAnswer, SvidAnswer, X509SvidItem } from '../../domain/answers';
import { MandateError } from '../../domain/errors';
import { listOption, wholeNumber } from '../arguments';
import { awaitIdentity } from '../await-identity';
import { workloadSocket } from '../endpoint';
import { safe } from '../safe';
import type { Command, CommandContext, Options } from '../specs/spec';
import type { Style } from '../style';
import { jwtItem, x509Item } from '../svid-items';
import { pairs } from '../table';
import { left } from '../times';
import { WorkloadClient } from '../workload-client';

const MAX_WAIT_SECONDS = 7 * 86_400;

/** `mandate svid`: the SVIDs of this very process. */
export const svid: Command = async (context, _operands, options) => {
  const jwt = options['jwt'] === true;
  const audience = listOption(options, 'audience');
  if (jwt !== audience.length > 0)
    throw new MandateError('E_USAGE', {
      saw: jwt ? '--jwt without --audience' : '--audience without --jwt',
      fix: 'mandate svid --jwt --audience https://who-shall-accept-it',
    });
  const client = new WorkloadClient(workloadSocket(context, options), context.deps.clock);
  try {
    await waitIfAsked(context, options, client, jwt);
    if (jwt) await answerJwt(context, client, audience);
    else await answerX509(context, client);
  } finally {
    client.close();
  }
};

async function waitIfAsked(context: CommandContext, options: Options, client: WorkloadClient, jwt: boolean): Promise<void> {
  const { wait } = options;
  if (wait === undefined) return;
  const limitMs = typeof wait === 'string' ? wholeNumber(wait, '--wait', 1, MAX_WAIT_SECONDS) * 1000 : undefined;
  let said: string | undefined;
  await awaitIdentity(client, context.deps.clock, {
    jwt,
    limitMs,
    onWaiting: (refusal) => {
      const why = refusal ? `${refusal.message} (${refusal.code})` : 'no identity yet';
      if (why !== said) context.out.note(() => `waiting: ${safe(why)}\n`);
      said = why;
    },
  });
}

async function answerX509({ deps, out }: CommandContext, client: WorkloadClient): Promise<void> {
  const answer: SvidAnswer = { svids: (await client.x509()).svids.map(x509Item) };
  out.answer(answer, (style) => svidText(answer.svids, deps.clock.nowMs(), style), answer.svids);
}

/** Bare tokens in text: the first identity's, which is the default one. */
async function answerJwt({ out }: CommandContext, client: WorkloadClient, audience: readonly string[]): Promise<void> {
  const { svids } = await client.jwt(audience);
  const [first] = svids;
  if (!first) throw new MandateError('E_INTERNAL', { saw: 'an answer without a JWT-SVID' });
  if (out.format === 'text') return out.raw(`${first.svid}\n`);
  const answer: JwtSvidAnswer = { svids: svids.map(jwtItem) };
  out.answer(answer, () => '', answer.svids);
}

export const svidText = (svids: readonly X509SvidItem[], nowMs: number, style: Style): string =>
  svids
    .map(
      (item) =>
        `${style.bold(safe(item.spiffeId))}\n` +
        pairs([
          ['serial', item.serial],
          ['valid', left(item.notAfter, nowMs, style)],
          ...(item.hint ? ([['hint', safe(item.hint)]] as const) : []),
        ]),
    )
    .join('\n');
