import type { RuleAnswer } from '../../domain/rule-answers';
import { askAdmin } from '../admin-client';
import { isManifestMatch, type MatchValue } from '../../domain/rule';
import { operand } from '../arguments';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs, table } from '../table';
import { duration, instant } from '../times';

/** `mandate rules show`. */
export const rulesShow: Command = async ({ deps, out, service }, operands) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'showRule', { name: operand(operands, 0) });
  out.answer(answer, (style) => ruleText(answer, deps.clock.nowMs(), style));
};

const any = (values: readonly string[]): string => values.map(safe).join(' or ');

function valuesText(value: MatchValue): string {
  if (!isManifestMatch(value)) return `= ${any(value)}`;
  const grace = value.graceSeconds === 0 ? 'no grace' : `grace ${duration(value.graceSeconds * 1000)}`;
  return `in manifest ${safe(value.manifest)}, ${grace}`;
}

export function ruleText({ rule, versions }: RuleAnswer, nowMs: number, style: Style): string {
  const rows: [string, string][] = [
    ['identity', safe(rule.id)],
    ...(rule.hint ? [['hint', safe(rule.hint)] as [string, string]] : []),
    ['lifetimes', `X.509 ${duration(rule.x509TtlSeconds * 1000)}, JWT ${duration(rule.jwtTtlSeconds * 1000)}`],
    ['audiences', rule.audiences.length === 0 ? 'none, so no JWT-SVID' : rule.audiences.map(safe).join(' ')],
    ...(rule.rs256.length > 0 ? [['RS256 for', rule.rs256.map(safe).join(' ')] as [string, string]] : []),
    ['priority', String(rule.priority)],
    ...Object.entries(rule.match).map(([selector, values]): [string, string] => ['match', `${safe(selector)} ${valuesText(values)}`]),
    ...Object.entries(rule.require).map(([what, needed]): [string, string] => [
      'require',
      typeof needed === 'string' ? `${safe(what)} at least ${safe(needed)}` : `${safe(what)} ${any(needed)}`,
    ]),
  ];
  const history = versions.map((version) => [
    `v${version.version}`,
    instant(version.applied, nowMs, style),
    safe(version.contentSha256.slice(0, 12)),
    safe(version.author),
  ]);
  const state = rule.disabled ? style.warn('disabled') : style.good('in force');
  return `rule ${style.bold(safe(rule.name))} v${rule.version}  ${state}\n${pairs(rows)}\n${table(['VERSION', 'APPLIED', 'CONTENT', 'BY'], history, style)}`;
}
