import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import { atLeast } from './assurance';
import type { Condition } from './condition';
import { HOLDERS_FACT, holdersText, OTHER_PID_FACT } from './connection';
import type { ErrorCode } from './errors';
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
  /** What the refusal is called where it does not hold. */
  readonly code: ErrorCode;
}

/**
 * Each requirement of a rule and how it fared. Each ladder is compared only with itself. A chain that stops before a human has no
 * delegator and meets no requirement of one, not even `declared`.
 */
export function requirements(require: Rule['require'], facts: FactIndex, standing: Standing): readonly Requirement[] {
  const { process, delegator, device, given, connection } = require;
  const list: Requirement[] = [];
  const add = (ladder: string, holds: boolean, seen: string, expected: readonly string[], remedy: string): void => {
    list.push({ condition: { selector: `require.${ladder}`, holds, seen, expected }, remedy, code: 'E_ASSURANCE' });
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
  // Last: it is looked at only where nothing else is missing.
  if (connection !== undefined) list.push(heldAlone(facts, connection));
  return list;
}

function heldAlone(facts: FactIndex, expected: string): Requirement {
  const holding = facts.of(HOLDERS_FACT).find(({ assurance }) => assurance !== 'declared')?.value;
  const pids = facts.of(OTHER_PID_FACT).map(({ value }) => value);
  const seen = holding === undefined ? 'not looked at' : holdersText(holding, pids);
  return {
    condition: { selector: 'require.connection', holds: holding === expected, seen, expected: [expected] },
    remedy: holding === undefined ? UNSEEN_STEP : (HOLDING_STEP[holding] ?? HOLDING_STEP['unsettled']!),
    code: 'E_CONNECTION_HOLDERS',
  };
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

/** Where no process asks there is no connection: `rules explain`, and what is shown of a launch before its program runs. */
const UNSEEN_STEP = 'nothing to change: it is looked at when the process itself asks, on its connection';

const HOLDING_STEP: Readonly<Record<string, string>> = {
  shared: 'the other processes must close the connection, or never be given it: connect after a fork, not before',
  'in-flight': 'these processes must receive the descriptors that were sent to their sockets, since the connection could be among them',
  unreadable:
    'the node must be able to read every process of the machine: run mandate as root, in the pid and network namespace of its agents',
  unheld: 'the process must keep its connection open until it is answered',
  unsettled: 'the process must ask again: processes came and went faster than they could be looked at',
  'too-many': 'there are more processes or descriptors on this machine than are looked at',
};
