import type { ExplainAnswer, ExplainedRule } from '../domain/rule-answers';
import { CATALOGUE } from '../domain/errors';
import { FactIndex } from '../domain/facts';
import { type Judged, judgeRules, type MatchContext, matchRules } from '../domain/match';
import type { VerbHandlers } from './admin-api';
import type { Callers } from './callers';
import type { LiveAgent } from './living';
import type { NodeApi } from './node-api';
import { judgedAs, type Questioned, questioned } from './questioned';
import type { Rules } from './rules';

/** Rules that are told; the closest come first. */
const MAX_RULES = 5;

export interface ExplainVerbParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly rules: Rules;
}

/** `rules explain`: what decides about one process, expected values too, so for administrators alone. */
export const explainVerb = ({ callers, node, rules }: ExplainVerbParts): Pick<VerbHandlers, 'explainRules'> => ({
  explainRules: async ({ pid }, caller) => {
    await callers.administer('rules explain', caller);
    const process = await questioned(node, pid);
    const { judged, context } = await judgedAs(node, process);
    return explained(rules, process, judged, context);
  },
});

function explained({ compiled }: Rules, { evidence, agent }: Questioned, judged: LiveAgent, context: MatchContext): ExplainAnswer {
  const facts = new FactIndex(evidence);
  const { identities, denial } = matchRules(compiled, facts, context);
  const all = judgeRules(compiled, facts, context);
  return {
    pid: evidence.pid,
    processKey: evidence.processKey,
    agent: agent ? { id: agent.row.id, name: agent.row.name } : null,
    human: judged.person?.name ?? null,
    chain: { delegator: context.delegator, given: judged.delegation.given, device: context.device },
    // The host stamps a fact with the name of the attestor that stated it, before the dot.
    facts: evidence.facts.map(({ type, value, assurance }) => ({ selector: type, value, source: type.split('.', 1)[0] ?? '', assurance })),
    gaps: evidence.gaps,
    identities: identities.map(({ spiffeId, rule }) => ({ spiffeId, rule: rule.rule.name, ruleVersion: rule.version })),
    refusal: denial && { code: denial.code, message: CATALOGUE[denial.code].message, fix: denial.remedy },
    rules: all.slice(0, MAX_RULES).map(explainedRule),
    more: Math.max(0, all.length - MAX_RULES),
  };
}

const explainedRule = ({ rule, outcome, entitled, denial, conditions }: Judged): ExplainedRule => ({
  name: rule.rule.name,
  version: rule.version,
  outcome,
  spiffeId: entitled?.spiffeId ?? null,
  code: denial?.code ?? null,
  fix: denial?.remedy ?? null,
  conditions: conditions.map(({ selector, holds, seen, expected, fault }) => ({
    selector,
    holds,
    seen,
    expected: expected ?? [],
    fault: fault ?? null,
  })),
});
