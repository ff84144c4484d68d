import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import { atLeast } from './assurance';
import type { Condition } from './condition';
import type { FactIndex } from './facts';
import { processAssurance } from './facts';
import type { Rule } from './rule';

interface Standing {
  readonly delegator: DelegatorAssurance | null;
  readonly given: Given | null;
  readonly device: DeviceAssurance;
}

interface Requirement {
  readonly condition: Condition;
  /** The step that is missing where it does not hold. */
  readonly remedy: string;
}

/**
 * Each requirement of a rule and how it fared. Each ladder is compared only with itself. A chain that stops before a human has no
 * delegator and meets no requirement of one, not even `declared`.
 */
export function requirements(require: Rule['require'], facts: FactIndex, standing: Standing): readonly Requirement[] {
  const { process, delegator, device, given } = require;
  const list: Requirement[] = [];
  const add = (ladder: string, holds: boolean, seen: string, expected: readonly string[], remedy: string): void => {
    list.push({ condition: { selector: `require.${ladder}`, holds, seen, expected }, remedy });
  };
  if (process !== undefined) {
    const actual = processAssurance(facts);
    add('process', atLeast('process', actual, process), actual, [process], PROCESS_STEP[process]);
  }
  if (delegator !== undefined) {
    const holds = standing.delegator !== null && atLeast('delegator', standing.delegator, delegator);
    add('delegator', holds, standing.delegator ?? 'none', [delegator], DELEGATOR_STEP[delegator]);
  }
  if (device !== undefined) {
    add('device', atLeast('device', standing.device, device), standing.device, [device], DEVICE_STEP[device]);
  }
  if (given !== undefined) {
    const holds = standing.given !== null && given.includes(standing.given);
    const steps = given.map((way) => GIVEN_STEP[way]).join('; or ');
    add('given', holds, standing.given ?? 'none', given, `one of these is missing: ${steps}`);
  }
  return list;
}

/** The first requirement of a rule that is not met, with the missing step, or undefined. */
export const unmetRequirement = (require: Rule['require'], facts: FactIndex, standing: Standing): Requirement | undefined =>
  requirements(require, facts, standing).find(({ condition }) => !condition.holds);

const PROCESS_STEP = {
  declared: 'the kernel must name the process',
  observed: 'the kernel must name the process',
  measured: 'the node must be able to read and hash the running program',
  launched: 'the program must be measured by the launcher before it starts',
} as const;

const DELEGATOR_STEP = {
  declared: 'the agent must be started by a human account',
  'os-account': 'the agent must be started by a human account, not by root or a system account',
  'login-user': 'the agent must be started within a login that the kernel vouches for',
  oidc: 'the human must have logged in on this device through the identity provider',
} as const;

const DEVICE_STEP = {
  declared: 'the device must be known',
  token: 'the device must be enrolled with a token',
  x509pop: 'the device must prove that it holds its enrolled key',
  tpm: 'the device must be attested by its TPM',
} as const;

const GIVEN_STEP = {
  implicit: 'an agent that a rule allows without a launch',
  launched: 'a launch at a controlling terminal with no agent above it (mandate run)',
  standing: 'a delegation that a named person granted ahead',
  approved: 'an approval of this one delegation by a person',
} as const;
