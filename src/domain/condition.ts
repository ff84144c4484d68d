import type { FactIndex } from './facts';
import { ANY_VALUE, mayMatchAny } from './selectors';
import { terminalText } from './terminal-text';

/** One condition of a rule and how it fared; `seen` is the asker's own, `expected` is for administrators only. */
export interface Condition {
  /** A selector type, `require.<ladder>`, `issue.<what>` or `audience`. */
  readonly selector: string;
  readonly holds: boolean;
  /** What was seen, printable and bounded; empty where there was nothing. */
  readonly seen: string;
  readonly expected?: readonly string[];
}

/** One selector type of a rule with its alternatives. */
export interface CompiledCondition {
  readonly type: string;
  readonly values: ReadonlySet<string>;
  readonly any: boolean;
}

export const compileCondition = (type: string, values: readonly string[]): CompiledCondition => ({
  type,
  values: new Set(values),
  any: mayMatchAny(type) && values.includes(ANY_VALUE),
});

/** True where a fact that somebody other than the process or its launcher established has one of the values. */
export function conditionHolds(condition: CompiledCondition, facts: FactIndex): boolean {
  for (const { value, assurance } of facts.of(condition.type)) {
    if (assurance !== 'declared' && (condition.any || condition.values.has(value))) return true;
  }
  return false;
}

/** Most values shown of one condition, and most characters of what was seen. */
const MAX_SHOWN = 16;
const MAX_SEEN_LENGTH = 512;

/** How a condition fared. A declared value is shown as such: it was seen, and it counts for nothing. */
export function conditionReport(condition: CompiledCondition, facts: FactIndex): Condition {
  const seen = facts
    .of(condition.type)
    .slice(0, MAX_SHOWN)
    .map(({ value, assurance }) => (assurance === 'declared' ? `${value} (declared)` : value));
  return {
    selector: condition.type,
    holds: conditionHolds(condition, facts),
    seen: terminalText(seen.join(', '), MAX_SEEN_LENGTH),
    expected: [...condition.values].slice(0, MAX_SHOWN),
  };
}
