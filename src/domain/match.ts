import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import { HOLDERS_FACT } from './connection';
import { compileCondition, conditionHolds, conditionReport } from './condition';
import type { CompiledCondition, Condition, ManifestLookup } from './condition';
import type { ErrorCode } from './errors';
import { MandateError } from './errors';
import type { Evidence } from './evidence';
import { FactIndex } from './facts';
import { requirements, unmetRequirement } from './requirement';
import { MIN_TTL_SECONDS } from './rule';
import type { RuleSet, RuleVersion } from './rule';
import { MAX_SPIFFE_ID_BYTES, parseTrustDomain, spiffeIdFromPath } from './spiffe-id';
import { parseTemplate, renderTemplate } from './template';
import type { PathTemplate } from './template';
import { terminalText } from './terminal-text';

/** Identities one process may have: SPIFFE clients refuse an answer with more. */
export const MAX_IDENTITIES = 100;

/** What matching knows beside the evidence: on whose behalf the process acts, and on which device. */
export interface MatchContext {
  /** Null where the chain stops before a human; nothing is required of a delegator then that it could meet. */
  readonly delegator: DelegatorAssurance | null;
  readonly given: Given | null;
  readonly device: DeviceAssurance;
  /** Id of the agent where it is known already; `{instance}` needs it. */
  readonly agentId?: string | undefined;
}

/** One identity that a process may have. Lifetimes in seconds; no audiences, no JWT-SVID. */
export interface Entitled {
  readonly spiffeId: string;
  readonly rule: RuleVersion;
  readonly hint: string;
  readonly x509TtlSeconds: number;
  readonly jwtTtlSeconds: number;
  readonly audiences: readonly string[];
  readonly rs256: readonly string[];
  readonly federatesWith: readonly string[];
}

/** Why a rule gave nothing: `conditions` says how each condition fared. `rule` is null only where there are no rules at all. */
export interface Denial {
  readonly code: ErrorCode;
  readonly rule: RuleVersion | null;
  readonly conditions: readonly Condition[];
  /** What an administrator, or the human behind the agent, can do about it. */
  readonly remedy: string;
}

/** What a process may be, in order of precedence. `denial` is set exactly where that is nothing. */
export interface MatchResult {
  readonly identities: readonly Entitled[];
  /** Rules whose selectors all hold and that gave nothing all the same, in order of precedence. */
  readonly withheld: readonly Denial[];
  readonly denial: Denial | null;
  /** All that keeps a rule from giving an identity is that nobody looked who holds the connection: look, and match again. */
  readonly unseen: boolean;
}

interface CompiledRule {
  readonly version: RuleVersion;
  readonly conditions: readonly CompiledCondition[];
  readonly template: PathTemplate;
}

/** Rules made ready for matching: enabled ones only, in order of precedence. Immutable, so a request keeps the one it began with. */
export interface CompiledRules {
  readonly generation: number;
  readonly trustDomain: string;
  readonly rules: readonly CompiledRule[];
  /** When the grace of a manifest ends, so that they have to be made ready anew; undefined where time alone changes nothing. */
  readonly changesAtMs: number | undefined;
}

/** Prepares a rule set for one trust domain; manifests are looked up once, so all of a request sees the same ones. Throws E_RULE_INVALID for a rule that its loader would have refused. */
export function compileRules(set: RuleSet, trustDomain: string, manifests: ManifestLookup = () => undefined): CompiledRules {
  let changesAtMs: number | undefined;
  const standingOf: ManifestLookup = (match) => {
    const standing = manifests(match);
    if (standing?.changesAtMs !== undefined) changesAtMs = Math.min(changesAtMs ?? Infinity, standing.changesAtMs);
    return standing;
  };
  const rules = set.rules.filter(({ rule }) => !rule.disabled).map((version) => compile(version, standingOf));
  return { generation: set.generation, trustDomain: parseTrustDomain(trustDomain), rules: rules.sort(precedence), changesAtMs };
}

function compile(version: RuleVersion, standingOf: ManifestLookup): CompiledRule {
  const { name, match, issue } = version.rule;
  const parsed = parseTemplate(issue.id);
  if ('fault' in parsed) throw new MandateError('E_RULE_INVALID', { saw: `rule ${name}`, why: parsed.fault });
  const conditions = Object.entries(match).map(([type, value]) => compileCondition(type, value, standingOf));
  // Without a condition it would hold for every process there is.
  if (conditions.length === 0)
    throw new MandateError('E_RULE_INVALID', { saw: `rule ${name}`, why: 'a rule matches on at least one selector' });
  return { version, conditions, template: parsed.template };
}

/** Higher priority first, then by name in code unit order: the same everywhere, whatever the locale. */
function precedence(a: CompiledRule, b: CompiledRule): number {
  const [x, y] = [a.version.rule, b.version.rule];
  return y.priority - x.priority || (x.name < y.name ? -1 : x.name > y.name ? 1 : 0);
}

/**
 * Matches one process against all rules. A condition holds only on what was observed or measured of this very process, never on what was
 * declared. Of two rules that give one SPIFFE ID the first in precedence wins, and of more than MAX_IDENTITIES the first ones.
 */
export function matchRules(compiled: CompiledRules, evidence: Evidence | FactIndex, context: MatchContext): MatchResult {
  const facts = evidence instanceof FactIndex ? evidence : new FactIndex(evidence);
  const identities: Entitled[] = [];
  const withheld: Denial[] = [];
  // Files have no connection that would mean anything: whoever of the user reads them has the identity.
  const unseenYet = facts.of(HOLDERS_FACT).length === 0 && facts.of('launch.delivery').length === 0;
  for (const rule of compiled.rules) {
    if (!rule.conditions.every((condition) => conditionHolds(condition, facts))) continue;
    const outcome = entitle(compiled.trustDomain, rule, facts, context);
    if ('code' in outcome) withheld.push(outcome);
    else if (identities.length < MAX_IDENTITIES && !identities.some(({ spiffeId }) => spiffeId === outcome.spiffeId))
      identities.push(outcome);
  }
  const unseen = unseenYet && withheld.some(({ code }) => code === 'E_CONNECTION_HOLDERS');
  if (identities.length > 0) return { identities, withheld, denial: null, unseen };
  return { identities, withheld, denial: withheld[0] ?? noRule(compiled, facts), unseen };
}

/** One rule alone: how all its conditions fared, and what comes of them. */
export interface Judged {
  readonly rule: RuleVersion;
  /** Its selectors, then what it requires, then whatever else kept it from giving an identity. */
  readonly conditions: readonly Condition[];
  readonly outcome: 'issues' | 'withheld' | 'no-match';
  readonly entitled: Entitled | null;
  /** Set where it is withheld. */
  readonly denial: Denial | null;
}

/** Every rule judged by itself, the closest first: those that give an identity, those withheld, then by how many selectors hold. */
export function judgeRules(compiled: CompiledRules, facts: FactIndex, context: MatchContext): readonly Judged[] {
  const judged = compiled.rules.map((rule) => ({ ...judge(compiled.trustDomain, rule, facts, context), holding: holding(rule, facts) }));
  const order = ['issues', 'withheld', 'no-match'];
  judged.sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome) || b.holding - a.holding);
  return judged.map(({ rule, conditions, outcome, entitled, denial }) => ({ rule, conditions, outcome, entitled, denial }));
}

function judge(trustDomain: string, rule: CompiledRule, facts: FactIndex, context: MatchContext): Judged {
  const required = requirements(rule.version.rule.require, facts, context).map(({ condition }) => condition);
  const conditions = [...rule.conditions.map((condition) => conditionReport(condition, facts)), ...required];
  const whole = { rule: rule.version, conditions, entitled: null, denial: null };
  if (holding(rule, facts) < rule.conditions.length) return { ...whole, outcome: 'no-match' };
  const outcome = entitle(trustDomain, rule, facts, context);
  if (!('code' in outcome)) return { ...whole, outcome: 'issues', entitled: outcome };
  const last = outcome.conditions.at(-1);
  const beyond = last && !required.some(({ selector }) => selector === last.selector) ? [last] : [];
  return { ...whole, conditions: [...conditions, ...beyond], outcome: 'withheld', denial: outcome };
}

const holding = (rule: CompiledRule, facts: FactIndex): number =>
  rule.conditions.filter((condition) => conditionHolds(condition, facts)).length;

function entitle(trustDomain: string, rule: CompiledRule, facts: FactIndex, context: MatchContext): Entitled | Denial {
  const { version, template } = rule;
  const { issue } = version.rule;
  const unmet = unmetRequirement(version.rule.require, facts, context);
  if (unmet !== undefined) return denied(unmet.code, rule, facts, unmet.condition, unmet.remedy);
  const rendered = renderTemplate(template, { evidence: facts.evidence, factsOf: (type) => facts.of(type), agentId: context.agentId });
  if ('missing' in rendered) {
    const { placeholder, seen } = rendered.missing;
    const condition = {
      selector: `issue.id {${placeholder}}`,
      holds: false,
      seen: terminalText(seen.join(', '), 512),
      expected: ['exactly one path segment'],
    };
    return denied(
      'E_TEMPLATE_VALUE',
      rule,
      facts,
      condition,
      `change the template ${template.text}, or what gives {${placeholder}} its value`,
    );
  }
  if ('spiffe://'.length + trustDomain.length + rendered.path.length > MAX_SPIFFE_ID_BYTES) {
    const condition = { selector: 'issue.id', holds: false, seen: rendered.path, expected: [`at most ${MAX_SPIFFE_ID_BYTES} bytes`] };
    return denied('E_TEMPLATE_VALUE', rule, facts, condition, `shorten the template ${template.text}`);
  }
  if (!(issue.x509TtlSeconds >= MIN_TTL_SECONDS)) {
    const condition = {
      selector: 'issue.x509.ttl',
      holds: false,
      seen: `${issue.x509TtlSeconds}s`,
      expected: [`at least ${MIN_TTL_SECONDS}s`],
    };
    return denied('E_LIFETIME', rule, facts, condition, 'give the rule a lifetime');
  }
  return {
    spiffeId: spiffeIdFromPath(trustDomain, rendered.path).toString(),
    rule: version,
    hint: issue.hint,
    x509TtlSeconds: issue.x509TtlSeconds,
    jwtTtlSeconds: issue.jwtTtlSeconds,
    audiences: issue.audiences,
    rs256: issue.rs256 ?? NONE,
    federatesWith: issue.federatesWith ?? NONE,
  };
}

const NONE: readonly string[] = [];

/** The selectors all held; one more condition did not. */
function denied(code: ErrorCode, rule: CompiledRule, facts: FactIndex, failed: Condition, remedy: string): Denial {
  return { code, rule: rule.version, conditions: [...rule.conditions.map((c) => conditionReport(c, facts)), failed], remedy };
}

/** The closest rule is the one with most conditions holding; of equals the first in precedence. */
function noRule(compiled: CompiledRules, facts: FactIndex): Denial {
  let closest: CompiledRule | undefined;
  let most = -1;
  for (const rule of compiled.rules) {
    const count = holding(rule, facts);
    if (count > most) [closest, most] = [rule, count];
  }
  if (closest === undefined) return { code: 'E_NO_RULE', rule: null, conditions: [], remedy: 'apply a rule that matches this process' };
  return {
    code: 'E_NO_RULE',
    rule: closest.version,
    conditions: closest.conditions.map((condition) => conditionReport(condition, facts)),
    remedy: `change rule ${closest.version.rule.name}, or apply another that matches this process`,
  };
}
