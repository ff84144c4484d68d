import type { FactIndex } from './facts';
import type { ManifestStanding } from './manifest-standing';
import type { ManifestMatch, MatchValue } from './rule';
import { isManifestMatch } from './rule';
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
  /** Why it does not hold, in words, where the expected values say less; for administrators only. */
  readonly fault?: string;
}

/** One selector type of a rule with its alternatives. */
export interface CompiledCondition {
  readonly type: string;
  readonly values: ReadonlySet<string>;
  readonly any: boolean;
  /** The manifest that the values were taken from, in words: `manifest claude-code v3`. */
  readonly manifest?: string;
}

/** What a manifest admits now; undefined where there is none of that name, or none that can be relied on. */
export type ManifestLookup = (match: ManifestMatch) => ManifestStanding | undefined;

/** One condition made ready. A manifest that is not there admits nothing. */
export function compileCondition(type: string, value: MatchValue, standingOf: ManifestLookup): CompiledCondition {
  if (!isManifestMatch(value)) return { type, values: new Set(value), any: mayMatchAny(type) && value.includes(ANY_VALUE) };
  const standing = standingOf(value);
  const version = standing === undefined ? '' : ` v${standing.version}${standing.expired ? ' (expired)' : ''}`;
  return { type, values: standing?.admits ?? new Set(), any: false, manifest: `manifest ${value.manifest}${version}` };
}

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
  const { type, values, manifest } = condition;
  const holds = conditionHolds(condition, facts);
  return {
    selector: type,
    holds,
    seen: terminalText(seen.join(', '), MAX_SEEN_LENGTH),
    expected: manifest === undefined ? [...values].slice(0, MAX_SHOWN) : [`in ${manifest}`],
    ...(manifest === undefined || holds ? {} : { fault: `not in ${manifest}` }),
  };
}
