import type { TestResult } from './jest-run';
import { type Family, mayBeDeclared, type Rule } from './table';

export type Verdict = 'ok' | 'failed' | 'no test' | 'skipped here' | 'declared' | 'interop' | 'not claimed';

/** A rule and what its tests came to. */
export interface Judged {
  readonly rule: Rule;
  readonly tests: readonly TestResult[];
  readonly verdict: Verdict;
  /** True where the claim of conformance does not hold because of it. */
  readonly bad: boolean;
}

/** What the tests of a run say about one rule; only those that carry it count. */
export function judge(rule: Rule, ran: readonly TestResult[]): Judged {
  const tests = ran.filter(({ rules }) => rules.includes(rule.id));
  const verdict = verdictOf(rule, tests);
  return { rule, tests, verdict, bad: BAD.includes(verdict) };
}

const BAD: readonly Verdict[] = ['failed', 'no test', 'skipped here'];

function verdictOf(rule: Rule, tests: readonly TestResult[]): Verdict {
  if (rule.note?.kind === 'not claimed') return 'not claimed';
  if (tests.some(({ state }) => state === 'failed')) return 'failed';
  if (tests.some(({ state }) => state === 'passed')) return 'ok';
  if (rule.note?.kind === 'interop') return 'interop';
  if (rule.note?.kind === 'declared' && mayBeDeclared(rule)) return 'declared';
  return tests.length > 0 ? 'skipped here' : 'no test';
}

/** Rules that titles name and the table does not have; a family of another table is none of ours. */
export function unknownRules(families: readonly Family[], ran: readonly TestResult[]): readonly string[] {
  const known = new Set(families.flatMap(({ rules }) => rules.map(({ id }) => id)));
  const ours = new Set(families.map(({ id }) => id));
  return [...new Set(ran.flatMap(({ rules }) => rules))].filter((id) => ours.has(id.slice(0, 2)) && !known.has(id)).sort();
}
