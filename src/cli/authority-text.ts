import type { AuthoritiesAnswer, AuthorityItem } from '../domain/authority-answers';
import { durationText } from '../domain/authority-config';
import { safe } from './safe';
import type { Style } from './style';
import { table } from './table';
import { instant } from './times';

/** `ca show`: one line for each authority, newest last, and what happens next to it. */
export function authoritiesText(answer: AuthoritiesAnswer, all: boolean, nowMs: number, style: Style): string {
  const { lifetimeSeconds, propagationSeconds } = answer;
  const shown = answer.authorities.filter(({ published }) => all || published);
  const lives = `lives ${durationText(lifetimeSeconds.x509)} for X509-SVIDs, ${durationText(lifetimeSeconds.jwt)} for JWT-SVIDs`;
  return `${lives} · signs nothing in its first ${durationText(propagationSeconds)} in the bundle\n\n${authorityTable(shown, nowMs, style)}`;
}

export function authorityTable(authorities: readonly AuthorityItem[], nowMs: number, style: Style): string {
  const rows = authorities.map((item) => [
    item.kind,
    stage(item, style),
    safe(item.keyId),
    instant(item.prepared, nowMs, style),
    instant(item.notAfter, nowMs, style),
    next(item, nowMs, style),
  ]);
  return table(['KIND', 'STAGE', 'KEY', 'PREPARED', 'NOT-AFTER', 'NEXT'], rows, style);
}

function stage({ stage: name }: AuthorityItem, style: Style): string {
  if (name === 'active') return style.good(name);
  return name === 'tainted' || name === 'revoked' ? style.bad(name) : name;
}

function next(item: AuthorityItem, nowMs: number, style: Style): string {
  const at = (text: string) => instant(text, nowMs, style);
  switch (item.stage) {
    case 'prepared':
      if (item.ready === null) return 'not published yet';
      if (Date.parse(item.ready) > nowMs) return `${item.early ? 'takes over' : 'ready to take over'} at ${at(item.ready)}`;
      return item.early ? 'takes over now' : 'takes over at three quarters of the active one';
    case 'active':
      return 'signs';
    case 'retired':
      return item.published && item.lastUse !== null ? `leaves the bundle at ${at(item.lastUse)}` : 'out of the bundle';
    case 'tainted':
      return `in the bundle until it is revoked${item.revocation === null ? '' : `, by itself at ${at(item.revocation)}`}`;
    case 'revoked':
      return 'out of the bundle';
  }
}
