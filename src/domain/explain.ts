import type { Condition } from './condition';
import { CATALOGUE } from './errors';
import type { ErrorCode } from './errors';
import type { Evidence } from './evidence';
import type { Denial } from './match';
import { terminalText } from './terminal-text';

/** One fact of the asker as it is shown: printable and bounded. */
export interface SeenFact {
  readonly selector: string;
  readonly value: string;
  readonly assurance: string;
}

/**
 * Why something was refused, complete. Only an administrator outside every agent may see it whole; whoever asked for the identity sees
 * what `forAsker` leaves of it.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly saw: readonly SeenFact[];
  /** The rule that came closest, or the one that held but gave nothing. */
  readonly rule?: string;
  readonly ruleVersion?: number;
  readonly conditions: readonly Condition[];
  readonly remedy?: string;
  /** Short reference that finds the refusal in the records. */
  readonly reference: string;
}

/** Most facts shown, and most characters of one value: a refusal stays far below one message. */
export const MAX_SEEN_FACTS = 24;
const MAX_VALUE_LENGTH = 256;

/** Shown first, in this order; then what the rule asked about, then the rest as it comes. */
const TELLING = ['user.name', 'user.uid', 'binary.path', 'binary.sha256', 'process.parent', 'launch.id', 'launch.name'];

/** The refusal of one denial: what was seen of the asker, and how each condition of the closest rule fared. */
export function refusalOf(denial: Denial, evidence: Evidence, reference: string): Refusal {
  const { code, rule, conditions, remedy } = denial;
  return {
    code,
    message: CATALOGUE[code].message,
    saw: seenFacts(
      evidence,
      conditions.map((c) => c.selector),
    ),
    ...(rule === null ? {} : { rule: rule.rule.name, ruleVersion: rule.version }),
    conditions,
    remedy,
    reference,
  };
}

/** What the asker may see: its own attributes and which conditions failed. Expected values and remedies would teach an agent its way in. */
export function forAsker(refusal: Refusal): Refusal {
  const { code, message, saw, rule, ruleVersion, conditions, reference } = refusal;
  return {
    code,
    message,
    saw,
    ...(rule === undefined ? {} : { rule }),
    ...(ruleVersion === undefined ? {} : { ruleVersion }),
    conditions: conditions.map(({ selector, holds, seen }) => ({ selector, holds, seen })),
    reference,
  };
}

function seenFacts(evidence: Evidence, asked: readonly string[]): readonly SeenFact[] {
  const first = [...TELLING, ...asked];
  const rank = (type: string): number => {
    const at = first.indexOf(type);
    return at === -1 ? first.length : at;
  };
  return [...evidence.facts]
    .sort((a, b) => rank(a.type) - rank(b.type))
    .slice(0, MAX_SEEN_FACTS)
    .map(({ type, value, assurance }) => ({ selector: type, value: terminalText(value, MAX_VALUE_LENGTH), assurance }));
}
