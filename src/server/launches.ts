import { confinementOf, confinementWord } from '../domain/confinement';
import { MandateError } from '../domain/errors';
import type { Evidence } from '../domain/evidence';
import { isOwnUid } from '../domain/own-uid';
import { newId, newSuffix } from '../domain/ids';
import type { AgentRow, LaunchRow } from '../domain/lineage';
import { toldBy } from '../domain/membership';
import { type LaunchMeasures, measuresOf } from '../domain/launch-measures';
import { type Entitled, matchRules } from '../domain/match';
import type { Clock, LineageWriter, Random } from '../domain/ports';
import type { LaunchBegin } from '../generated/proto/mandate/v1/node_link_pb';
import type { Configuration } from './configuration';
import { agentName, type Delegations, factOf } from './delegations';
import { matchContext } from './entitlement';
import type { LiveAgent, LiveProcess, Living } from './living';
import { newEvent } from './new-event';
import { owed, paid } from './owed';

export interface LaunchesParts {
  readonly configuration: Configuration;
  readonly living: Living;
  readonly delegations: Delegations;
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes back the id of a launch that this server drew; false for any other text. */
  readonly reserved: (launchId: string) => boolean;
}

/** Longest reason and longest group path that are kept. */
const MAX_MISSING = 200;
const MAX_GROUP = 4096;

export interface Opened {
  readonly agent: LiveAgent;
  /** What any member may be by the launch alone; shown to people before the program runs. */
  readonly identities: readonly Entitled[];
  readonly joined: boolean;
}

/**
 * Opens a launch: the launcher's process becomes the first of a new agent with a root delegation of its own. Inside a launch nothing new
 * is opened: the process stays the same agent and the name it asked for is recorded as declared.
 */
export async function openLaunch(parts: LaunchesParts, process: LiveProcess, launcher: LiveProcess, begin: LaunchBegin): Promise<Opened> {
  const { living, clock, random, delegations, lineage } = parts;
  const ownUid = checkedOwnUid(process, launcher, begin);
  if (process.agent?.launch) return joinLaunch(parts, process, process.agent, begin);
  const above = launcher.evidence.ancestors.some((ancestor) => living.agentOfKey(ancestor.key) !== undefined);
  const openedAtMs = clock.nowMs();
  const agentId = newId(random, openedAtMs);
  const drawn = parts.reserved(begin.launchId);
  const launchId = drawn ? begin.launchId : newId(random, openedAtMs);
  const { delegation, person } = await delegations.root(launcher, agentId, {
    terminal: begin.terminal,
    launch: true,
    agentAmongAncestors: above || launcher.agent !== undefined,
  });
  const launch: LaunchRow = {
    id: launchId,
    agentId,
    deviceId: living.device.id,
    name: begin.name,
    task: begin.task,
    programPath: begin.programPath,
    programSha256: begin.programSha256,
    argumentCount: begin.argumentCount,
    processKey: process.key,
    uid: launcher.evidence.uid,
    user: factOf(launcher, 'user.name') ?? `uid-${launcher.evidence.uid}`,
    ownUid,
    terminal: begin.terminal,
    // A group is named by the id that was drawn for it: under another id there is none.
    groupFrom: drawn && begin.grouped ? begin.groupFrom.slice(0, MAX_GROUP) : null,
    groupMissing: drawn && begin.grouped ? null : begin.groupMissing.slice(0, MAX_MISSING),
    confinement: confinementOf(begin.confinement),
    measures: measuresOf(begin.measures),
    openedAtMs,
  };
  const row: AgentRow = {
    id: agentId,
    name: `${agentName(begin.name || begin.programPath.split('/').at(-1) || '')}-${newSuffix(random, 4)}`,
    deviceId: living.device.id,
    delegationId: delegation.id,
    launchId,
    startedAtMs: openedAtMs,
  };
  const agent: LiveAgent = { row, delegation, person, launch, processes: new Set([process.key]), durable: false };
  const event = newEvent(
    random,
    openedAtMs,
    'launch-opened',
    {
      launchId,
      programSha256: launch.programSha256,
      argumentCount: launch.argumentCount,
      terminal: launch.terminal,
      membership: toldBy(launch),
      confinement: confinementWord(launch.confinement),
      ...measuredDigests(launch.measures),
      ...(ownUid !== null && { ownUid, launcherEvidenceDigest: launcher.digest }),
      delegationId: delegation.id,
      deviceId: living.device.id,
      evidenceDigest: process.digest,
      personId: delegation.personId,
      assurance: delegation.assurance,
      given: delegation.given,
      stopCode: delegation.stopCode,
      endsAtMs: delegation.endsAtMs,
    },
    { agentId, processKey: process.key },
  );
  const [digest, launcherDigest] = [process.digest, launcher.digest];
  const rows = owed({ ...process, durableRow: false }, agent, living.device, openedAtMs);
  const launcherRows = launcher === process ? [] : (owed(launcher, undefined, living.device, openedAtMs).evidence ?? []);
  await lineage.append({ fact: { event }, ...rows, evidence: [...(rows.evidence ?? []), ...launcherRows] });
  if (launcher !== process) paid(launcher, undefined, launcherDigest);
  living.add(agent);
  process.agent = agent;
  paid(process, agent, digest);
  return { agent, identities: byLaunchAlone(parts, process.evidence, agent), joined: false };
}

/** Of what was measured a record keeps digests; paths and names are in the launch's row. */
const measuredDigests = ({ script, package: packaged, configuration }: LaunchMeasures) => ({
  scriptSha256: script?.sha256 ?? null,
  packageSha256: packaged?.sha256 ?? null,
  lockSha256: packaged?.lockSha256 ?? null,
  configurationSha256: configuration?.sha256 ?? null,
});

/**
 * The uid that belongs to a launch alone, or null where it runs under its launcher's. The first process has to run under it, and whoever launched it under
 * another, outside every launch: a node that says something else says something wrong.
 */
function checkedOwnUid(process: LiveProcess, launcher: LiveProcess, { ownUid }: LaunchBegin): number | null {
  if (launcher === process && ownUid === 0) return null;
  const fits = launcher !== process && isOwnUid(ownUid) && process.evidence.uid === ownUid && !isOwnUid(launcher.evidence.uid);
  if (!fits || launcher.agent?.launch || process.agent)
    throw new MandateError('E_REQUEST', { why: 'that is no launch under a uid of its own' });
  return ownUid;
}

async function joinLaunch(parts: LaunchesParts, process: LiveProcess, agent: LiveAgent, begin: LaunchBegin): Promise<Opened> {
  const { living, clock, random, lineage } = parts;
  if (agent.delegation.endsAtMs <= clock.nowMs()) throw new MandateError('E_DELEGATION_ENDED');
  const atMs = clock.nowMs();
  const event = newEvent(
    random,
    atMs,
    'launch-joined',
    {
      launchId: agent.launch?.id ?? '',
      deviceId: living.device.id,
      evidenceDigest: process.digest,
      declaredName: begin.name,
      programSha256: begin.programSha256,
    },
    { agentId: agent.row.id, processKey: process.key },
  );
  const digest = process.digest;
  await lineage.append({
    fact: { event },
    ...owed(process, agent, living.device, atMs),
  });
  paid(process, agent, digest);
  return { agent, identities: byLaunchAlone(parts, process.evidence, agent), joined: true };
}

/** The rules that match on who launched it, without looking at the program: the launcher's own program is about to be replaced. */
function byLaunchAlone(parts: LaunchesParts, launcher: Evidence, agent: LiveAgent): readonly Entitled[] {
  if (!agent.launch) return [];
  const kept = launcher.facts.filter((fact) => /^(host|user|cgroup)\./.test(fact.type));
  const known = (name: string, value: string) => ({ type: `launch.${name}`, value, assurance: 'observed' as const });
  const facts = [
    ...kept,
    known('id', agent.launch.id),
    known('user', agent.launch.user),
    known('uid', String(agent.launch.uid)),
    ...(agent.launch.ownUid === null ? [] : [known('own_uid', 'true')]),
    known('via', 'pinned'),
    { type: 'launch.name', value: agent.launch.name, assurance: 'declared' as const },
  ];
  return matchRules(parts.configuration.freeze().rules, { ...launcher, facts }, matchContext(agent, parts.living)).identities;
}
