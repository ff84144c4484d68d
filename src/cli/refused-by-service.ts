import type { FactItem } from '../domain/agent-answers';
import type { ConditionItem } from '../domain/answers';
import { LADDERS, type ProcessAssurance } from '../domain/assurance';
import { MandateError, type ErrorCode } from '../domain/errors';

/** A refusal as the service told it: what it saw of the asker and how the closest rule fared. */
export interface RefusalDetails {
  readonly saw: readonly FactItem[];
  readonly rule: string;
  readonly ruleVersion: number;
  readonly conditions: readonly ConditionItem[];
  /** For administrators only; empty for everybody else. */
  readonly remedy: string;
  readonly request: string;
  /** What the service adds to the sentence of the code; may be empty. */
  readonly why: string;
}

/** A MandateError that came over the wire with its details. */
export class RefusedByService extends MandateError {
  constructor(
    code: ErrorCode,
    readonly details: RefusalDetails,
    options?: { cause?: unknown },
  ) {
    super(code, explanationOf(details), options);
  }
}

function explanationOf(details: RefusalDetails): { saw?: string; why?: string; fix?: string } {
  const saw = details.saw.map((fact) => (fact.selector === '' ? fact.value : `${fact.selector} ${fact.value}`)).join('  ');
  const why = closestRule(details);
  return { ...(saw && { saw }), ...(why && { why }), ...(details.remedy && { fix: details.remedy }) };
}

/** One sentence about the closest rule; empty where there is none. */
export function closestRule(details: Pick<RefusalDetails, 'rule' | 'ruleVersion' | 'conditions' | 'why'>): string {
  if (details.rule === '') return details.why;
  const holding = details.conditions.filter((condition) => condition.holds).length;
  return `closest is rule "${details.rule}" v${details.ruleVersion}: ${holding} of ${details.conditions.length} conditions hold`;
}

/** A word of the process ladder as sent; an unknown one counts as the weakest. */
export const processAssurance = (word: string): ProcessAssurance => LADDERS.process.find((known) => known === word) ?? LADDERS.process[0];
