import type { Evidence } from '../domain/evidence';
import { CONFIGURATION } from '../domain/configuration';
import { type ConfigurationChange, Governing } from './governing';
import { FactIndex } from '../domain/facts';
import type { CompiledRules, MatchResult } from '../domain/match';
import { membershipKind, type MembershipKind } from '../domain/membership';
import type { AgentRow, AgentSummary, DelegationRow, DeviceRow, GovernedRow, LaunchRow, PersonRow } from '../domain/lineage';

/** An agent that has not ended, with the chain behind it. */
export interface LiveAgent {
  readonly row: AgentRow;
  readonly delegation: DelegationRow;
  readonly person: PersonRow | undefined;
  readonly launch: LaunchRow | undefined;
  /** Keys of its processes that have not ended. */
  readonly processes: Set<string>;
  /** Its rows are committed. */
  durable: boolean;
  /** Somebody ordered its end: what ends now ends by that. */
  stopped?: boolean;
  /** Parts of its launch that are on record as changed, joined by commas. */
  changed?: string | undefined;
}

/** A process whose evidence the server holds. */
export interface LiveProcess {
  readonly key: string;
  evidence: Evidence;
  facts: FactIndex;
  digest: string;
  canonical: Buffer;
  /** The pinned ancestor that made it a member of its agent. */
  via: string | undefined;
  /** What governs it changed, and that is not on record yet. */
  changed: ConfigurationChange | undefined;
  agent: LiveAgent | undefined;
  /** Digest of the evidence that is committed. */
  durableEvidence: string | undefined;
  durableRow: boolean;
  /** The last match and what it rested on. */
  matched: { readonly rules: CompiledRules; readonly facts: FactIndex; readonly agentId: string; readonly result: MatchResult } | undefined;
  /** What it was last told, to see whether a rule change alters the answer. */
  told: string | undefined;
  /** References of refusals already recorded, by code and rule generation. */
  readonly refusals: Map<string, string>;
  /** Fresh JWT-SVIDs in the present minute. */
  jwtMinute: number;
  jwtCount: number;
}

/** What a node that comes back is told of a process: its pid, and how it was known to belong to its agent. */
export interface FoundBy {
  readonly pid: number;
  readonly via: string;
  readonly membership: MembershipKind | '';
}

const NOWHERE: FoundBy = { pid: 0, via: '', membership: '' };

const foundBy = ({ evidence, facts, via, agent }: LiveProcess): FoundBy => ({
  pid: evidence.pid,
  via: via ?? '',
  membership: agent ? (membershipIn(facts, agent) ?? '') : '',
});

/**
 * How a process belongs to its launch, by its evidence; null outside launches. The launcher's own evidence was gathered before there was a
 * launch: it is pinned.
 */
export const membershipIn = (facts: FactIndex, { launch }: LiveAgent): MembershipKind | null =>
  launch ? (membershipKind(facts.of('launch.via')[0]?.value) ?? 'pinned') : null;

/** What lives on the device of one node. Rebuilt from the lineage after a restart, so that nothing in it can be lost. */
export class Living {
  readonly agents = new Map<string, LiveAgent>();
  readonly processes = new Map<string, LiveProcess>();
  /** Processes the lineage holds open: key → agent. */
  readonly #known = new Map<string, LiveAgent>();
  readonly #found = new Map<string, FoundBy>();
  readonly #launches = new Map<string, LiveAgent>();
  readonly #governing = new Governing();

  constructor(readonly device: DeviceRow) {}

  restore(summaries: readonly AgentSummary[], governed: readonly GovernedRow[]): void {
    for (const row of governed) this.#governing.resume(row);
    for (const summary of summaries) {
      const agent: LiveAgent = {
        row: summary.agent,
        delegation: summary.delegation,
        person: summary.person ?? undefined,
        launch: summary.launch ?? undefined,
        processes: new Set(summary.processes.map((process) => process.key)),
        durable: true,
      };
      this.add(agent);
      for (const process of summary.processes) {
        this.#known.set(process.key, agent);
        this.#found.set(process.key, { pid: process.pid, via: process.viaProcessKey ?? '', membership: process.membership ?? '' });
      }
    }
  }

  add(agent: LiveAgent): void {
    this.agents.set(agent.row.id, agent);
    if (agent.launch) this.#launches.set(agent.launch.id, agent);
  }

  /** The node was away: processes without an agent are forgotten, the others wait for their evidence to be offered again. */
  relinked(): void {
    for (const process of this.processes.values()) {
      if (!process.agent) continue;
      if (process.durableRow) {
        this.#known.set(process.key, process.agent);
        this.#found.set(process.key, foundBy(process));
      } else process.agent.processes.delete(process.key);
    }
    this.#governing.keep((processKey) => this.#known.has(processKey));
    this.processes.clear();
  }

  /** How a node finds a process of a live agent again; with pid 0 where that is not known. */
  foundBy(processKey: string): FoundBy {
    const process = this.processes.get(processKey);
    return process ? foundBy(process) : (this.#found.get(processKey) ?? NOWHERE);
  }

  launch(launchId: string): LiveAgent | undefined {
    return this.#launches.get(launchId);
  }

  /** Evidence was offered: the process is new, or what is known of it changed. */
  offer(evidence: Evidence, digest: string, canonical: Buffer, via: string | undefined): LiveProcess {
    const known = this.processes.get(evidence.processKey);
    const { doubted, change } = this.#governing.look(evidence, digest);
    const facts = new FactIndex(evidence, doubted ? CONFIGURATION : undefined);
    if (known) {
      const changed = change ?? known.changed;
      Object.assign(known, { evidence, facts, digest, canonical, via: via ?? known.via, told: undefined, changed });
      known.agent ??= this.#agentOf(known);
      return known;
    }
    const process: LiveProcess = {
      key: evidence.processKey,
      evidence,
      facts,
      digest,
      canonical,
      via,
      changed: change,
      agent: undefined,
      durableEvidence: undefined,
      durableRow: this.#known.has(evidence.processKey),
      told: undefined,
      matched: undefined,
      refusals: new Map(),
      jwtMinute: 0,
      jwtCount: 0,
    };
    process.agent = this.#agentOf(process);
    process.agent?.processes.add(process.key);
    this.processes.set(process.key, process);
    return process;
  }

  /** The agent the records name for this process, or its launch's, or that of the ancestor that made it a member. */
  #agentOf(process: LiveProcess): LiveAgent | undefined {
    const recorded = this.#known.get(process.key);
    if (recorded) return recorded;
    const launchId = process.evidence.facts.find((fact) => fact.type === 'launch.id')?.value;
    if (launchId !== undefined) return this.#launches.get(launchId);
    return process.via === undefined ? undefined : this.agentOfKey(process.via);
  }

  agentOfKey(processKey: string): LiveAgent | undefined {
    return this.processes.get(processKey)?.agent ?? this.#known.get(processKey);
  }

  /**
   * A process ended; returns its agent, and whether that ended with it. A launch with a control group ends by `launchEnded`: processes that
   * nobody attested may live on in there.
   */
  ended(processKey: string): { agent: LiveAgent | undefined; last: boolean } {
    const agent = this.agentOfKey(processKey);
    this.processes.delete(processKey);
    this.#known.delete(processKey);
    this.#found.delete(processKey);
    this.#governing.ended(processKey);
    agent?.processes.delete(processKey);
    const last = agent !== undefined && agent.processes.size === 0 && (agent.launch?.groupFrom ?? null) === null;
    if (last) this.#gone(agent);
    return { agent, last };
  }

  /** A launch ended; returns its agent and the processes of it that were not reported before. */
  launchEnded(launchId: string): { readonly agent: LiveAgent; readonly processes: readonly string[] } | undefined {
    const agent = this.#launches.get(launchId);
    if (!agent) return undefined;
    const processes = [...agent.processes];
    for (const processKey of processes) this.ended(processKey);
    this.#gone(agent);
    return { agent, processes };
  }

  #gone(agent: LiveAgent): void {
    this.agents.delete(agent.row.id);
    if (agent.launch) this.#launches.delete(agent.launch.id);
  }
}
