import type { SealAnswer } from '../../domain/answers';
import { EXIT, MandateError } from '../../domain/errors';
import { askAdmin } from '../admin-client';
import { givenPassphrase, typedPassphrase } from '../passphrase';
import type { Command, CommandContext, Options } from '../specs/spec';
import type { Style } from '../style';

/** Longer than other verbs: a third of a second for the seal, and a durable write for each key. */
const DEADLINE_MS = 30_000;

/** `mandate ca seal`: plain keys under a first seal. */
export const caSeal: Command = (context, _operands, options) => seal(context, options, false);

/** `mandate ca reseal`: sealed keys under a new seal. */
export const caReseal: Command = (context, _operands, options) => seal(context, options, true);

async function seal(context: CommandContext, options: Options, again: boolean): Promise<number> {
  const { deps, out, service } = context;
  const { adminSocket } = service();
  const secret = options['credential'] === true ? null : await newPassphrase(context, options);
  const request = { secret: secret?.toString('base64') ?? null, again };
  secret?.fill(0);
  const answer = await askAdmin(deps.clock, adminSocket, 'sealKeys', request, DEADLINE_MS);
  out.answer(answer, (style) => sealText(answer, style));
  if (secret !== null) out.note((style) => style.dim('Without this passphrase the keys, and with them the trust domain, are lost.\n'));
  return answer.left === 0 ? EXIT.ok : EXIT.failure;
}

async function newPassphrase(context: CommandContext, options: Options): Promise<Buffer> {
  const secret = givenPassphrase(context, options) ?? (await typedPassphrase(context, true));
  if (secret !== undefined) return secret;
  throw new MandateError('E_USAGE', {
    saw: 'nobody at a terminal who could be asked for a passphrase',
    fix: '--passphrase-file, --passphrase-fd or --credential',
  });
}

export function sealText({ home, keys, left }: SealAnswer, style: Style): string {
  const by = home === 'sealed' ? 'a passphrase' : 'a credential of systemd';
  const done = `${style.good('sealed')}  ${keys} ${keys === 1 ? 'key' : 'keys'} under ${by}\n`;
  const rest = `${style.bad('left over')}  ${left} key ${left === 1 ? 'file' : 'files'} of before; the next start tries again (see log/server.log)\n`;
  return left === 0 ? done : done + rest;
}
