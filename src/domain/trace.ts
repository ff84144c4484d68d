import { weaker } from './assurance';
import type { DelegatorAssurance, DeviceAssurance, Given, ProcessAssurance } from './assurance';
import { FactIndex, processAssurance } from './facts';
import { rfc3339 } from './instant';
import type { Chain, CredentialKind, EndedKind } from './lineage';
import { toldBy } from './membership';
import { apartFromHuman, type IssuerPlace, notSeparatedBy } from './separation';
import { confinementOfLaunch, governedBy, launchAssurance, measuredOfLaunch } from './trace-facts';
import { checkLinks } from './trace-links';
import type { HopKind, Links, Stop } from './trace-links';

/** One link of the chain. `attributes` is what people are shown of it; names stay stable, values are as recorded. */
export interface Hop {
  readonly kind: HopKind;
  readonly id: string;
  /** A word of the ladder of its kind; for a delegation how it was given, for the issuer whether it is separated. */
  readonly assurance: string;
  /** How it is known. */
  readonly source: 'attestation' | 'launch' | 'membership' | 'delegation' | 'process-uid' | 'node' | 'server';
  readonly attributes: Readonly<Record<string, string | number | boolean | null>>;
}

export interface TraceDelegator {
  readonly kind: 'os-account';
  readonly name: string;
  readonly uid: number;
  readonly assurance: DelegatorAssurance;
  readonly given: Given;
}

/** The answer of `mandate trace -o json` (docs/schema/trace.schema.json). Instants are RFC 3339 in UTC. */
export interface Trace {
  readonly credential: {
    readonly serial: string;
    readonly kind: CredentialKind;
    readonly spiffeId: string;
    readonly audience: readonly string[];
    readonly state: 'valid' | 'not-yet-valid' | 'expired' | 'ended';
    readonly issuedAt: string;
    readonly notBefore: string;
    readonly notAfter: string;
    readonly recordedAt: string;
    readonly rule: { readonly name: string; readonly version: number } | null;
    readonly authorityKeyId: string;
    readonly publicKeySha256: string | null;
  };
  /** From the process outwards: process, agent, launch, delegations, issuer, device, delegator. */
  readonly hops: readonly Hop[];
  readonly delegator: TraceDelegator | null;
  readonly complete: boolean;
  /** Set exactly where the chain is not complete. */
  readonly stopsAt: Stop | null;
  /** The weakest word of each ladder; null where that link is missing. An issuer that is not separated lowers the process to `observed`. */
  readonly weakest: {
    readonly process: ProcessAssurance | null;
    readonly delegator: DelegatorAssurance | null;
    readonly device: DeviceAssurance | null;
  };
  readonly separated: boolean;
  /** Why not (src/domain/separation.ts); empty exactly where it is separated. */
  readonly notSeparatedBy: readonly string[];
}

export interface TraceContext {
  readonly issuer: IssuerPlace;
  readonly installationId: string;
  readonly nowMs: number;
}

/**
 * Walks from a credential to its human. A link is shown only if the one before it names it, and a chain is complete only if every link
 * holds up to a human: nothing missing, nothing changed, nothing that had ended by then. It never looks stronger than it is.
 */
export function buildTrace(chain: Chain, context: TraceContext): Trace {
  const links = checkLinks(chain);
  const facts = links.evidence && new FactIndex(links.evidence);
  const { credential, person, delegations } = chain;
  const reached = [...new Set(notSeparatedBy(context.issuer, chain.process?.uid, links.evidence))];
  const separated = reached.length === 0;
  const root = delegations[links.delegations - 1];
  const delegator: TraceDelegator | null =
    links.person && person !== null && root !== undefined
      ? { kind: person.kind, name: person.name, uid: person.uid, assurance: root.assurance, given: root.given }
      : null;
  return {
    credential: {
      serial: credential.serial,
      kind: credential.kind,
      spiffeId: credential.spiffeId,
      audience: credential.audience,
      state: stateOf(chain, context.nowMs),
      issuedAt: rfc3339(credential.issuedAtMs),
      notBefore: rfc3339(credential.notBeforeMs),
      notAfter: rfc3339(credential.notAfterMs),
      recordedAt: rfc3339(credential.recordedAtMs),
      rule:
        credential.ruleName === null || credential.ruleVersion === null
          ? null
          : { name: credential.ruleName, version: credential.ruleVersion },
      authorityKeyId: credential.authorityKeyId,
      publicKeySha256: credential.publicKeySha256,
    },
    hops: hopsOf(chain, links, facts, context, separated),
    delegator,
    complete: links.stop === null && delegator !== null,
    stopsAt: links.stop,
    weakest: {
      process: processOf(links, facts, separated),
      delegator:
        delegator === null
          ? null
          : delegations.slice(0, links.delegations).reduce((w, d) => weaker('delegator', w, d.assurance), delegator.assurance),
      device: links.device ? (chain.device?.assurance ?? null) : null,
    },
    separated,
    notSeparatedBy: reached,
  };
}

function processOf(links: Links, facts: FactIndex | null, separated: boolean): ProcessAssurance | null {
  if (!links.process || facts === null) return null;
  const known = processAssurance(facts);
  return separated ? known : weaker('process', known, 'observed');
}

function stateOf({ credential, ended }: Chain, nowMs: number): Trace['credential']['state'] {
  if (nowMs >= credential.notAfterMs) return 'expired';
  if (nowMs < credential.notBeforeMs) return 'not-yet-valid';
  const own: Readonly<Record<EndedKind, string | null>> = {
    process: credential.processKey,
    agent: credential.agentId,
    delegation: credential.delegationId,
    launch: null,
  };
  return ended.some(({ kind, id }) => own[kind] === id) ? 'ended' : 'valid';
}

function hopsOf(chain: Chain, links: Links, facts: FactIndex | null, context: TraceContext, separated: boolean): readonly Hop[] {
  const { credential, process, agent, launch, delegations, person, device, authority } = chain;
  const hops: Hop[] = [];
  const add = (kind: HopKind, id: string, assurance: string, source: Hop['source'], attributes: Hop['attributes']): void => {
    hops.push({ kind, id, assurance, source, attributes });
  };
  const end = (kind: EndedKind, id: string): { endedAt: string | null; endReason: string | null } => {
    const row = chain.ended.find((e) => e.kind === kind && e.id === id);
    return { endedAt: row === undefined ? null : rfc3339(row.atMs), endReason: row?.reason ?? null };
  };
  if (links.process && process !== null) {
    const value = (type: string): string | null => facts?.of(type)[0]?.value ?? null;
    add('process', process.key, facts === null ? 'declared' : processAssurance(facts), 'attestation', {
      pid: process.pid,
      uid: process.uid,
      apart: links.launch && apartFromHuman(launch?.ownUid ?? null, process.uid),
      path: value('binary.path'),
      sha256: value('binary.sha256'),
      evidence: process.evidenceDigest,
      via: process.viaProcessKey,
      membership: process.membership,
      delivery: value('launch.delivery') ?? 'socket',
      ...governedBy(chain, facts),
      ...end('process', process.key),
    });
  }
  if (links.agent && agent !== null) {
    add('agent', agent.id, 'observed', 'membership', {
      name: agent.name,
      startedAt: rfc3339(agent.startedAtMs),
      ...end('agent', agent.id),
    });
  }
  if (links.launch && launch !== null) {
    add('launch', launch.id, launchAssurance(facts), 'launch', {
      name: launch.name,
      task: launch.task,
      path: launch.programPath,
      sha256: launch.programSha256,
      arguments: launch.argumentCount,
      user: launch.user,
      uid: launch.uid,
      ownUid: launch.ownUid,
      terminal: launch.terminal,
      membership: toldBy(launch),
      ...confinementOfLaunch(launch, facts),
      ...measuredOfLaunch(launch, facts),
      openedAt: rfc3339(launch.openedAtMs),
      ...end('launch', launch.id),
    });
  }
  for (const delegation of delegations.slice(0, links.delegations)) {
    add('delegation', delegation.id, delegation.given, 'delegation', {
      startedAt: rfc3339(delegation.startedAtMs),
      endsAt: rfc3339(delegation.endsAtMs),
      ...end('delegation', delegation.id),
    });
  }
  if (links.issuer && authority !== null) {
    add('issuer', context.installationId, separated ? 'separated' : 'not-separated', 'server', {
      authorityKeyId: credential.authorityKeyId,
    });
  }
  if (links.device && device !== null) {
    add('device', device.id, device.assurance, 'node', {
      name: device.hostname,
      machineId: device.machineId,
      os: device.os,
      kernel: device.kernel,
    });
  }
  const root = delegations[links.delegations - 1];
  if (links.person && person !== null && root !== undefined) {
    add('delegator', person.id, root.assurance, 'process-uid', { kind: person.kind, name: person.name, uid: person.uid });
  }
  return hops;
}
