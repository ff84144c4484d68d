import type { ExplainAnswer, ExplainedRule } from '../../domain/rule-answers';
import { MandateError } from '../../domain/errors';
import { askAdmin } from '../admin-client';
import { textOption, wholeNumber } from '../arguments';
import { safe, safeSentence } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs, table } from '../table';

/** Largest pid that Linux gives out. */
const MAX_PID = 2 ** 22;

/** `mandate rules explain`. */
export const rulesExplain: Command = async ({ deps, out, service }, _operands, options) => {
  const given = textOption(options, 'pid');
  if (given === undefined) throw new MandateError('E_USAGE', { saw: 'no process', fix: 'name one with --pid' });
  const pid = wholeNumber(given, '--pid', 1, MAX_PID);
  const answer = await askAdmin(deps.clock, service().adminSocket, 'explainRules', { pid });
  out.answer(answer, (style) => explainText(answer, style));
};

export function explainText(answer: ExplainAnswer, style: Style): string {
  const { facts, gaps, rules, more } = answer;
  const selectors = facts.map(({ selector, value, source, assurance }) => [safe(selector), safe(value), safe(source), assurance]);
  const parts = [verdictText(answer, style), table(['SELECTOR', 'VALUE', 'SOURCE', 'ASSURANCE'], selectors, style)];
  if (gaps.length > 0) parts.push(`Not established\n${gaps.map((gap) => `  ${safe(gap)}\n`).join('')}`);
  parts.push(...rules.map((rule) => ruleText(rule, style)));
  if (rules.length === 0) parts.push('No rule is in force\n');
  if (more > 0) parts.push(`${more} more ${more === 1 ? 'rule is' : 'rules are'} further away: mandate rules ls\n`);
  return parts.join('\n');
}

function verdictText({ pid, agent, human, chain, identities, refusal }: ExplainAnswer, style: Style): string {
  const whose = agent ? `agent ${style.bold(safe(agent.name))}` : 'not known as part of an agent';
  const given = identities.map(
    ({ spiffeId, rule, ruleVersion }) => `  ${style.good('✓')} ${safe(spiffeId)}  rule ${safe(rule)} v${ruleVersion}\n`,
  );
  const why = refusal ? `  ${style.bad('✗')} ${safe(refusal.message)} (${refusal.code})\n` : '';
  const rows: [string, string][] = [
    ['delegator', chain.delegator === null ? 'none: the chain stops before a human' : `${safe(human ?? '–')}  ${chain.delegator}`],
    ['given', chain.given],
    ['device', chain.device],
    ...(refusal?.fix ? [['fix', safeSentence(refusal.fix)] as [string, string]] : []),
  ];
  return `pid ${pid}  ${whose}\n${given.join('')}${why}${pairs(rows)}`;
}

function ruleText(rule: ExplainedRule, style: Style): string {
  const holding = rule.conditions.filter(({ holds }) => holds).length;
  const of = `${holding} of ${rule.conditions.length} conditions hold`;
  const outcome =
    rule.outcome === 'issues' ? `gives ${safe(rule.spiffeId ?? '')}` : rule.outcome === 'withheld' ? `withheld (${rule.code})` : of;
  const conditions = rule.conditions.map(({ selector, holds, seen, expected, fault }): [string, string] => {
    const values = fault ?? (expected.length === 0 ? '' : `expected ${expected.map(safeSentence).join(' or ')}`);
    const shown = seen === '' ? '(nothing)' : safeSentence(seen);
    return [`${holds ? style.good('✓') : style.bad('✗')} ${safe(selector)}`, holds ? shown : `${shown}  ${safeSentence(values)}`];
  });
  const fix = rule.fix === null ? '' : `  fix  ${safeSentence(rule.fix)}\n`;
  return `Rule "${safe(rule.name)}" v${rule.version}: ${outcome}\n${pairs(conditions)}${fix}`;
}
