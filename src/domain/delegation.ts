import { isOwnUid } from './own-uid';
import type { DelegatorAssurance, Given } from './assurance';

/** Longest life of a root delegation: seven days. */
export const MAX_DELEGATION_SECONDS = 7 * 24 * 3600;

/** The overflow account that kernels and systems use for "nobody" (proc/sys/kernel/overflowuid). */
export const NOBODY_UID = 65534;

/** Why a chain ends before a human. */
export const STOP_CODES = ['STOP_ROOT', 'STOP_SYSTEM_ACCOUNT'] as const;
export type StopCode = (typeof STOP_CODES)[number];

export interface RootDelegationInput {
  /** Real uid of the process that opened the launch, or of the first process of its tree. */
  readonly uid: number;
  /** Its account name; undefined where the uid has none. */
  readonly userName: string | undefined;
  /** UID_MIN of login.defs: accounts below it belong to the system. */
  readonly uidMin: number;
  /** Started from a controlling terminal. */
  readonly terminal: boolean;
  /** An agent is among the ancestors of whoever started it. */
  readonly agentAmongAncestors: boolean;
  /** Opened by a launch. */
  readonly launch: boolean;
}

/** On whose behalf an agent acts, or where and why the chain stops before a human. */
export type RootDelegation = {
  readonly given: Given;
} & (
  | {
      readonly person: { readonly kind: 'os-account'; readonly name: string; readonly uid: number };
      readonly assurance: DelegatorAssurance;
      readonly stopCode: null;
      readonly stopReason: null;
    }
  | { readonly person: null; readonly assurance: 'declared'; readonly stopCode: StopCode; readonly stopReason: string }
);

/**
 * Decides the delegator of a root delegation. Root and system accounts are never a human: the chain stops there. The way of giving is
 * `launched` only for a launch at a controlling terminal with no agent above it; whatever an agent starts gives nothing by itself.
 */
export function rootDelegation(input: RootDelegationInput): RootDelegation {
  const { uid } = input;
  const given: Given = input.launch && input.terminal && !input.agentAmongAncestors ? 'launched' : 'implicit';
  if (uid === 0)
    return stopped(given, 'STOP_ROOT', 'it was started by root, an account that anyone with privilege shares, so no human is named');
  if (isOwnUid(uid)) return stopped(given, 'STOP_SYSTEM_ACCOUNT', `it was started by uid ${uid}, which is an agent's and not a human's`);
  if (uid < input.uidMin || uid === NOBODY_UID || !isUid(uid)) {
    return stopped(given, 'STOP_SYSTEM_ACCOUNT', `it was started by uid ${uid}, a system account and not a human's`);
  }
  const person = { kind: 'os-account', name: input.userName ?? `uid-${uid}`, uid } as const;
  return { given, person, assurance: 'os-account', stopCode: null, stopReason: null };
}

/** 2³²−1 means "no uid" to the kernel. */
const isUid = (uid: number): boolean => Number.isInteger(uid) && uid >= 0 && uid < 2 ** 32 - 1;

const stopped = (given: Given, stopCode: StopCode, stopReason: string): RootDelegation => ({
  given,
  person: null,
  assurance: 'declared',
  stopCode,
  stopReason,
});

/** When a root delegation that starts now must end at the latest; `seconds` asks for less, never for more. */
export const delegationEndsAt = (startedAtMs: number, seconds: number = MAX_DELEGATION_SECONDS): number =>
  startedAtMs + Math.max(0, Math.min(seconds, MAX_DELEGATION_SECONDS)) * 1000;
