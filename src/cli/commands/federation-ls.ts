import type { FederationAnswer, FederationItem } from '../../domain/federation-answers';
import { askAdmin } from '../admin-client';
import { stateText } from '../federation-text';
import { safe, safeSentence } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';
import { instant } from '../times';

/** `mandate federation ls`. */
export const federationLs: Command = async ({ deps, out, service }) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'listFederation', {});
  out.answer(answer, (style) => federationText(answer, deps.clock.nowMs(), style), answer.relationships);
};

export function federationText({ relationships }: FederationAnswer, nowMs: number, style: Style): string {
  if (relationships.length === 0) return 'no partners: agents know the SVIDs of this trust domain only\n';
  const rows = relationships.map((item) => [
    safe(item.trustDomain),
    stateText(item, style),
    item.sequence ?? '–',
    `${item.x509Authorities}+${item.jwtAuthorities}`,
    item.profile,
    time(item.since, nowMs, style),
    time(item.next, nowMs, style),
    item.rules.length === 0 ? '–' : item.rules.map(safe).join(' '),
  ]);
  const list = table(['TRUST-DOMAIN', 'STATE', 'SEQUENCE', 'X509+JWT', 'PROFILE', 'SINCE', 'NEXT', 'RULES'], rows, style);
  return list + relationships.map((item) => failureLine(item, style)).join('');
}

const time = (at: string | null, nowMs: number, style: Style): string => (at === null ? '–' : instant(at, nowMs, style));

const failureLine = ({ trustDomain, failure, failures }: FederationItem, style: Style): string =>
  failure === null ? '' : `${style.bad(safe(trustDomain))}  ${failures} in a row: ${safeSentence(failure.why)} (${failure.code})\n`;
