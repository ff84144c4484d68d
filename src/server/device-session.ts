import type { MessageInitShape } from '@bufbuild/protobuf';
import { MandateError } from '../domain/errors';
import { LAUNCH_PARTS } from '../domain/launch-measures';
import { type Evidence, evidenceDigest } from '../domain/evidence';
import { decodeEvidence } from '../domain/evidence-decode';
import { newId, newReference } from '../domain/ids';
import type { EndedRow } from '../domain/lineage';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import type { EvidenceRef, LaunchBegin, RefusalReport, WelcomeSchema } from '../generated/proto/mandate/v1/node_link_pb';
import type { BundleUpdate } from './bundle-update';
import type { Configuration } from './configuration';
import type { Delegations } from './delegations';
import { type Entitlements, fingerprint } from './entitlement';
import type { Issuer } from './issue';
import { openLaunch, type Opened } from './launches';
import type { LiveAgent, LiveProcess, Living } from './living';
import { newEvent } from './new-event';
import type { Refuser } from './refuse';
import { owed, paid } from './owed';
import { openLaunches, knownProcesses } from './resumed';
import type { Entitled } from '../domain/match';

/** Ids of launches that were drawn and not opened yet; the oldest is given up for one more. */
const MAX_RESERVED = 1_000;
const STOPPED = 'stopped';
/** Processes one device may have under attestation at once. */
const MAX_PROCESSES = 50_000;

export interface DeviceSessionParts {
  readonly trustDomain: string;
  readonly installationId: string;
  readonly version: string;
  readonly configuration: Configuration;
  readonly living: Living;
  readonly delegations: Delegations;
  readonly entitlements: Entitlements;
  readonly issuer: Issuer;
  readonly refuser: Refuser;
  readonly lineage: LineageWriter;
  readonly bundle: () => BundleUpdate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Why launches get no control group of their own on this device; empty where they do. */
  readonly groupsMissing: string;
}

/** What the server keeps of one device while its node is linked, and what the node may ask. */
export class DeviceSession {
  /** Evidence digest → process: requests name their process by it. */
  readonly #byDigest = new Map<string, LiveProcess>();
  readonly #reserved = new Set<string>();

  constructor(readonly parts: DeviceSessionParts) {}

  get issuer(): Issuer {
    return this.parts.issuer;
  }

  get refuser(): Refuser {
    return this.parts.refuser;
  }

  get living(): Living {
    return this.parts.living;
  }

  /** What a node is told first: the bundle, and the launches and processes on record as living. */
  welcome(): MessageInitShape<typeof WelcomeSchema> {
    const { trustDomain, installationId, version, living, bundle } = this.parts;
    return {
      trustDomain,
      installationId,
      deviceId: living.device.id,
      bundle: bundle(),
      serverVersion: version,
      launches: openLaunches(living),
      processes: knownProcesses(living),
    };
  }

  /** Evidence for a process, new or changed. A launch it names must be one this device holds open, with the program recorded for it. */
  #offer(evidence: Evidence, digest: string, canonical: Buffer, via: string | undefined): LiveProcess {
    const { living } = this.parts;
    if (!living.processes.has(evidence.processKey) && living.processes.size >= MAX_PROCESSES) throw new MandateError('E_OVERLOADED');
    const value = (type: string) => evidence.facts.find((fact) => fact.type === type)?.value;
    const launchId = value('launch.id');
    if (launchId !== undefined) {
      const launch = living.launch(launchId)?.launch;
      if (!launch) throw new MandateError('E_LAUNCH_ENDED');
      if (value('launch.path') !== launch.programPath || value('launch.sha256') !== launch.programSha256) {
        throw new MandateError('E_REQUEST', { why: 'the evidence names another program than the launch' });
      }
    }
    const before = living.processes.get(evidence.processKey);
    if (before) this.#byDigest.delete(before.digest);
    const process = living.offer(evidence, digest, canonical, via);
    this.#byDigest.set(digest, process);
    return process;
  }

  /** The process whose evidence a request names; evidence that comes along is taken first. Throws E_ATTEST_FAILED, E_REQUEST, E_LAUNCH_ENDED, E_OVERLOADED. */
  process(ref: EvidenceRef | undefined): LiveProcess {
    if (!ref) throw new MandateError('E_REQUEST', { why: 'evidence is missing' });
    const digest = Buffer.from(ref.digest).toString('hex');
    const held = this.#byDigest.get(digest);
    if (held) return held;
    if (ref.canonical.length === 0) throw new MandateError('E_ATTEST_FAILED', { why: 'the server does not hold this evidence' });
    const bytes = Buffer.from(ref.canonical);
    if (evidenceDigest(bytes) !== digest) throw new MandateError('E_REQUEST', { why: 'evidence and digest differ' });
    return this.#offer(decodeEvidence(bytes), digest, bytes, ref.viaProcessKey || undefined);
  }

  /** The same, when a change of what governs it is on record: nothing is decided on evidence whose event might be lost. */
  async attested(ref: EvidenceRef | undefined): Promise<LiveProcess> {
    const process = this.process(ref);
    this.#launchChanged(process);
    const { changed } = process;
    if (changed === undefined) return process;
    const { living, clock, random, lineage } = this.parts;
    const { pid, uid } = process.evidence;
    const { first: firstSha256, now: nowSha256, evidenceDigest } = changed;
    const data = { deviceId: living.device.id, pid, uid, evidenceDigest, firstSha256, nowSha256 };
    const columns = { agentId: process.agent?.row.id ?? null, processKey: process.key };
    const digest = process.digest;
    const event = newEvent(random, clock.nowMs(), 'configuration-changed', data, columns);
    process.changed = undefined;
    try {
      await lineage.append({ fact: { event }, ...owed(process, undefined, living.device, clock.nowMs()) });
      paid(process, undefined, digest);
    } catch (thrown) {
      process.changed ??= changed;
      throw thrown;
    }
    return process;
  }

  /**
   * Puts on record, once, that a launched process runs something else than was measured. Its evidence says so as well and is kept with
   * whatever is decided on it, so nobody waits for this.
   */
  #launchChanged(process: LiveProcess): void {
    const { agent, evidence } = process;
    const changed = LAUNCH_PARTS.filter((part) => process.facts.of('launch.changed').some(({ value }) => value === part));
    if (!agent?.launch || process.key !== agent.launch.processKey || changed.join() === (agent.changed ?? '')) return;
    const { living, clock, random, lineage, log } = this.parts;
    const { pid, uid } = evidence;
    const before = agent.changed;
    agent.changed = changed.join();
    const data = { launchId: agent.launch.id, deviceId: living.device.id, pid, uid, evidenceDigest: process.digest, changed };
    const event = newEvent(random, clock.nowMs(), 'launch-changed', data, { agentId: agent.row.id, processKey: process.key });
    const evidenceRow = { digest: process.digest, canonical: process.canonical, processKey: process.key, seenAtMs: clock.nowMs() };
    lineage.append({ fact: { event }, evidence: [evidenceRow] }).catch((thrown: unknown) => {
      agent.changed = before;
      log.error({ err: thrown, process: process.key }, 'a launch that changed is not recorded yet');
    });
  }

  entitlement(process: LiveProcess): Promise<{ agent: LiveAgent; identities: readonly Entitled[] }> {
    return this.parts.entitlements.of(process, this.parts.configuration.freeze());
  }

  /** An id for a launch that is about to be opened, once. */
  reserveLaunch(): string {
    const { random, clock } = this.parts;
    const launchId = newId(random, clock.nowMs());
    this.#reserved.add(launchId);
    for (const oldest of this.#reserved) if (this.#reserved.size > MAX_RESERVED) this.#reserved.delete(oldest);
    return launchId;
  }

  /** `launcher` is the process itself, but where its launch has a uid of its own. */
  openLaunch(process: LiveProcess, launcher: LiveProcess, begin: LaunchBegin): Promise<Opened> {
    return openLaunch({ ...this.parts, reserved: (launchId) => this.#reserved.delete(launchId) }, process, launcher, begin);
  }

  /** Live processes whose answer the present rules change. */
  changedByRules(): string[] {
    const { living, entitlements, configuration } = this.parts;
    const frozen = configuration.freeze();
    const changed: string[] = [];
    for (const process of living.processes.values()) {
      if (process.told === undefined) continue;
      // Without an agent the delegation is not known yet: such a process is asked to ask again.
      if (!process.agent || fingerprint(entitlements.match(process, process.agent, frozen)) !== process.told) changed.push(process.key);
    }
    return changed;
  }

  /** 16 end: the process, and with the last one its agent, its launch and its delegation, unless the launch has a control group. */
  async processEnded(processKey: string, reason: string): Promise<void> {
    const { living } = this.parts;
    const process = living.processes.get(processKey);
    if (process) this.#byDigest.delete(process.digest);
    const recorded = process === undefined || process.durableRow;
    const { agent, last } = living.ended(processKey);
    if (!agent || !agent.durable || !recorded) return;
    await this.#recordEnd(agent, [processKey], last, reason);
  }

  /** 16 end: nothing lives in the control group of a launch, and no member is pinned. */
  async launchEnded(launchId: string, reason: string): Promise<void> {
    const ended = this.parts.living.launchEnded(launchId);
    if (ended?.agent.durable) await this.#recordEnd(ended.agent, ended.processes, true, reason);
  }

  async #recordEnd(agent: LiveAgent, processKeys: readonly string[], last: boolean, told: string): Promise<void> {
    const { clock, random, lineage } = this.parts;
    const atMs = clock.nowMs();
    const reason = agent.stopped ? STOPPED : told.slice(0, 64);
    const end = (kind: EndedRow['kind'], id: string): EndedRow => ({ kind, id, atMs, reason });
    const ended = processKeys.map((key) => end('process', key));
    if (last) {
      ended.push(end('agent', agent.row.id), end('delegation', agent.delegation.id));
      if (agent.launch) ended.push(end('launch', agent.launch.id));
    }
    const data = { ended: ended.map(({ kind, id }) => ({ what: kind, id })), reason };
    const event = newEvent(random, atMs, 'ended', data, { agentId: agent.row.id, processKey: processKeys[0] ?? null });
    await lineage.append({ fact: { event }, ended });
  }

  /** A refusal the node decided by itself, before anything reached the server. */
  async nodeRefused(report: RefusalReport): Promise<void> {
    const { clock, random, lineage, living } = this.parts;
    const event = newEvent(
      random,
      clock.nowMs(),
      'refused',
      {
        verb: report.verb.slice(0, 64),
        deviceId: living.device.id,
        pid: report.pid,
        uid: report.uid,
        evidenceDigest: null,
        ruleName: null,
        ruleVersion: null,
      },
      {
        reference: newReference(random),
        code: report.code.slice(0, 64),
        agentId: living.agentOfKey(report.processKey)?.row.id ?? null,
        processKey: report.processKey === '' ? null : report.processKey.slice(0, 256),
      },
    );
    await lineage.append({ fact: { event } });
  }
}
