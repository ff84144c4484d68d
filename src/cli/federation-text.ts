import type { FederationItem } from '../domain/federation-answers';
import { safe, safeSentence } from './safe';
import type { Style } from './style';
import { pairs } from './table';
import { instant } from './times';

const STATES = { none: 'no bundle', given: 'given', current: 'current', failing: 'failing' } as const;

/** State of a partner, for a table. */
export const stateText = ({ state }: FederationItem, style: Style): string =>
  state === 'current' || state === 'given' ? STATES[state] : style.bad(STATES[state]);

/** What is known of one partner after something was done about it. */
export function relationshipText(item: FederationItem, done: string, nowMs: number, style: Style): string {
  const { failure } = item;
  const head = failure ? style.bad(failure.code) : style.good(done);
  const rows: [string, string][] = [
    ['endpoint', `${safe(item.url)}  ${item.profile}`],
    ...(item.endpointId === null ? [] : [['', safe(item.endpointId)] as [string, string]]),
    ['bundle', bundleText(item, nowMs, style)],
    ...item.ignored.map((why): [string, string] => ['left out', safe(why)]),
    ...(failure ? [['why', safeSentence(failure.why)] as [string, string]] : []),
    ['next', item.next === null ? '–' : instant(item.next, nowMs, style)],
    ['rules', item.rules.length === 0 ? 'none names it: add issue.federates_with' : item.rules.map(safe).join(' ')],
  ];
  return `${head} ${style.bold(safe(item.trustDomain))}\n${pairs(rows)}`;
}

function bundleText(item: FederationItem, nowMs: number, style: Style): string {
  if (item.state === 'none' || item.since === null) return style.bad('none: nothing of this trust domain verifies yet');
  const how = item.state === 'given' ? 'given' : item.state === 'failing' ? 'the last good one, of' : 'fetched';
  const sequence = item.sequence === null ? '' : `sequence ${item.sequence}, `;
  return `${sequence}${item.x509Authorities} X.509 and ${item.jwtAuthorities} JWT authorities, ${how} ${instant(item.since, nowMs, style)}`;
}
