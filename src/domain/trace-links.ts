import { decodeEvidence } from './evidence-decode';
import type { Evidence } from './evidence';
import { evidenceDigest } from './evidence';
import type { Chain, DelegationRow } from './lineage';
import { recordMatches } from './records';

/** The kinds of link between a credential and its human. */
export const HOP_KINDS = ['process', 'agent', 'launch', 'delegation', 'delegator', 'device', 'issuer'] as const;
export type HopKind = (typeof HOP_KINDS)[number];

/**
 * Why a chain ends before a human. Beside these, a delegation states its own (`STOP_ROOT`, `STOP_SYSTEM_ACCOUNT`).
 * `STOP_RECORD` means that stored bytes and columns differ: something was changed after it was recorded.
 */
export const TRACE_STOPS = [
  'STOP_RECORD',
  'STOP_MISSING',
  'STOP_MISMATCH',
  'STOP_ENDED',
  'STOP_NO_PERSON',
  'STOP_ROOT',
  'STOP_OWN',
] as const;

export interface Stop {
  readonly kind: HopKind | 'credential';
  readonly reason: string;
  readonly code: string;
}

/** Which parts of a chain hold together; `stop` is the first break on the way out, null only where there is none at all. */
export interface Links {
  readonly stop: Stop | null;
  /** Set where the stored evidence is what the credential names. */
  readonly evidence: Evidence | null;
  readonly process: boolean;
  readonly agent: boolean;
  readonly launch: boolean;
  /** How many delegations hold together, from the agent's own outwards. */
  readonly delegations: number;
  readonly person: boolean;
  readonly device: boolean;
  readonly issuer: boolean;
}

/**
 * Checks every link of a chain against its neighbours. A row counts only if the one before it names it: what the store happened to return
 * beside the chain proves nothing.
 */
export function checkLinks(chain: Chain): Links {
  const { credential, process, agent, launch, device, authority } = chain;
  const stops: Stop[] = [];
  const holds = (ok: boolean, kind: Stop['kind'], code: (typeof TRACE_STOPS)[number], reason: string): boolean => {
    if (!ok) stops.push({ kind, code, reason });
    return ok;
  };
  const link = (row: object | null, names: boolean, kind: HopKind): boolean =>
    holds(row !== null, kind, 'STOP_MISSING', `the ${kind} is not in the lineage`) &&
    holds(names, kind, 'STOP_MISMATCH', `the ${kind} in the lineage is not the one that was recorded`);

  holds(recordMatches(credential), 'credential', 'STOP_RECORD', 'the record of the credential does not match its columns');
  const own = credential.kind === 'server-tls';
  if (own) holds(false, 'issuer', 'STOP_OWN', 'the server issued this to itself; no agent and no human stand behind it');
  const evidence = own ? null : evidenceOf(chain);
  if (!own) holds(evidence !== null, 'process', 'STOP_RECORD', 'the evidence is missing, or is not what the record names');
  const processHolds = !own && link(process, process?.key === credential.processKey && process.agentId === credential.agentId, 'process');
  const agentHolds = !own && link(agent, agent?.id === credential.agentId && agent.deviceId === credential.deviceId, 'agent');
  const launchId = agent?.launchId ?? null;
  const launchHolds = agentHolds && launchId !== null && link(launch, launch?.id === launchId && launch.agentId === agent?.id, 'launch');
  const { count, root } = agentHolds ? checkDelegations(chain, holds) : { count: 0, root: null };
  const issuer = link(authority, authority?.keyId === credential.authorityKeyId, 'issuer');
  const deviceHolds = !own && link(device, device?.id === credential.deviceId, 'device');
  const person = root !== null && checkPerson(chain, root, stops);
  // A launch that the agent names and that is not there breaks the way to whoever started it.
  const connected = launchId === null || launchHolds;
  return {
    stop: stops[0] ?? null,
    evidence,
    process: processHolds,
    agent: agentHolds,
    launch: launchHolds,
    delegations: count,
    person: person && connected,
    device: deviceHolds,
    issuer,
  };
}

function evidenceOf({ credential, evidence }: Chain): Evidence | null {
  if (evidence === null || credential.evidenceDigest === null) return null;
  if (evidence.digest !== credential.evidenceDigest || evidenceDigest(evidence.canonical) !== credential.evidenceDigest) return null;
  try {
    const decoded = decodeEvidence(evidence.canonical);
    return decoded.processKey === credential.processKey ? decoded : null;
  } catch {
    return null;
  }
}

type Holds = (ok: boolean, kind: Stop['kind'], code: (typeof TRACE_STOPS)[number], reason: string) => boolean;

/** Walks from the agent's own delegation to its root; `root` is null where the walk breaks. */
function checkDelegations(chain: Chain, holds: Holds): { count: number; root: DelegationRow | null } {
  const { credential, delegations, agent, ended } = chain;
  const endedAt = new Map(ended.filter((e) => e.kind === 'delegation').map((e) => [e.id, e.atMs]));
  let expected = credential.delegationId;
  let count = 0;
  for (const delegation of delegations) {
    const named = delegation.id === expected && (count > 0 || delegation.agentId === agent?.id);
    if (!holds(named, 'delegation', 'STOP_MISMATCH', 'the delegation in the lineage is not the one that was recorded'))
      return { count, root: null };
    const endsAtMs = Math.min(delegation.endsAtMs, endedAt.get(delegation.id) ?? Infinity);
    const alive = credential.issuedAtMs < endsAtMs;
    if (!holds(alive, 'delegation', 'STOP_ENDED', 'the delegation had ended when this was issued')) return { count, root: null };
    count++;
    expected = delegation.parentId;
    if (expected === null) {
      // Rows beyond a root would belong to another chain.
      const last = holds(count === delegations.length, 'delegation', 'STOP_MISMATCH', 'the lineage holds delegations beyond the root');
      return { count, root: last ? delegation : null };
    }
  }
  holds(false, 'delegation', 'STOP_MISSING', 'a delegation is not in the lineage');
  return { count, root: null };
}

function checkPerson({ person }: Chain, root: DelegationRow, stops: Stop[]): boolean {
  const stop = (code: string, reason: string): false => {
    stops.push({ kind: 'delegator', code, reason });
    return false;
  };
  if (root.stopCode !== null) return stop(root.stopCode, root.stopReason ?? 'the chain stops before a human');
  if (root.personId === null) return stop('STOP_NO_PERSON', 'the delegation names no human');
  if (person === null) return stop('STOP_MISSING', 'the delegator is not in the lineage');
  if (person.id !== root.personId) return stop('STOP_MISMATCH', 'the delegator in the lineage is not the one that was recorded');
  return person.uid === 0 ? stop('STOP_ROOT', 'the delegation names root, which is never a human') : true;
}
