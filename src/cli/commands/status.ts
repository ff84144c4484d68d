import type { StatusAnswer } from '../../domain/answers';
import { KEY_HOME_WORDS } from '../../domain/key-seal';
import { askAdmin } from '../admin-client';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs } from '../table';

/** `mandate status`. */
export const status: Command = async ({ deps, out, service }) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'status', {});
  out.answer(answer, (style) => statusText(answer, style));
};

export function statusText(answer: StatusAnswer, style: Style): string {
  const state = answer.ready ? style.good('ready') : style.bad('not ready');
  const separation = answer.separated
    ? 'the issuer is out of reach of your processes'
    : style.warn('the issuer is not separated from your agents: at most `observed` (mandate help separation)');
  const rows: [string, string][] = [
    ['workload API', safe(answer.workloadApi)],
    ['bundle', safe(answer.bundleUrl)],
    ...(answer.webBundleUrl === null ? [] : [['', safe(answer.webBundleUrl)] as [string, string]]),
    ...(answer.oidcIssuer === null ? [] : [['oidc issuer', safe(answer.oidcIssuer)] as [string, string]]),
    ['health', safe(answer.healthUrl)],
    ['mode', answer.mode === 'installed' ? 'installed' : 'own user'],
    ['separation', separation],
    ['keys', KEY_HOME_WORDS[answer.keys]],
    ...answer.parts.map((part): [string, string] => [part.name, partText(part, style)]),
    ['installation', safe(answer.installation)],
    ...answer.notes.map((note): [string, string] => ['note', safe(note)]),
  ];
  return `mandate ${safe(answer.version)} · trust domain ${style.bold(safe(answer.trustDomain))} · ${state}\n${pairs(rows)}`;
}

function partText(part: StatusAnswer['parts'][number], style: Style): string {
  const state = part.state === 'ready' ? style.good(part.state) : style.bad(part.state);
  const where = [part.pid === null ? '' : `pid ${part.pid}`, part.uid === null ? '' : `uid ${part.uid}`, safe(part.detail)];
  return [state, ...where].filter((text) => text !== '').join('  ');
}
