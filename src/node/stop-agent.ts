import { constants } from 'node:os';
import type { Clock, Log } from '../domain/ports';
import type { StopAgent } from '../generated/proto/mandate/v1/node_link_pb';
import { descendantPids } from '../system/process-table';
import type { PinnedProcess } from '../system/process-view';
import type { PinnedProcesses } from '../system/processes';
import type { LaunchGroups } from './launch-groups';
import type { Members } from './members';

const { SIGTERM, SIGKILL } = constants.signals;
/** How long a process may take to end by itself where it is asked to. */
const GRACE_MS = 2_000;
/** How long ended processes may take to be gone; the kernel needs that where one of them waits for a disk. */
const GONE_MS = 3_000;
const LOOK_AGAIN_MS = 10;

export interface StopParts {
  readonly members: Members;
  readonly groups: LaunchGroups;
  readonly processes: PinnedProcesses;
  readonly clock: Clock;
  readonly log: Log;
}

/** mandate.v1.AgentStopped. */
export interface Stopped {
  readonly found: boolean;
  readonly grouped: boolean;
  readonly processes: number;
  readonly left: number;
}

/**
 * Ends every process of an agent, or says what that would end. In a control group nothing can be missed: the kernel ends all that is in
 * there, also what is being forked. Without one the pinned processes and what descends from them are asked to end and then made to, each by
 * its pidfd; what was handed to init before is not known to belong to it.
 */
export async function stopAgent(parts: StopParts, order: StopAgent): Promise<Stopped> {
  const { members, groups, log } = parts;
  const { keys, launch } = members.ofAgent(order.agentId);
  if (keys.length === 0 && !launch) return { found: false, grouped: false, processes: 0, left: 0 };
  const inGroup = launch && groups.count(launch.launchId);
  const targets = new Targets(parts, order.agentId, keys);
  try {
    if (inGroup === undefined) targets.addDescendants();
    const processes = inGroup ?? targets.size;
    const grouped = inGroup !== undefined;
    if (!order.carryOut) return { found: true, grouped, processes, left: processes };
    log.warn({ agent: order.agentId, processes, grouped }, 'agent is stopped by order');
    if (launch && grouped) {
      try {
        groups.kill(launch.launchId);
      } catch (thrown) {
        log.error({ err: thrown }, 'a control group could not be ended; its pinned processes are');
      }
      // Whom root moved out of the group is a member all the same.
      targets.signal(SIGKILL);
      await targets.gone(GONE_MS, () => !groups.populated(launch.launchId));
      return { found: true, grouped, processes, left: groups.count(launch.launchId) ?? targets.alive };
    }
    targets.signal(SIGTERM);
    await targets.gone(GRACE_MS);
    if (targets.alive > 0) {
      targets.addDescendants();
      targets.signal(SIGKILL);
      await targets.gone(GONE_MS);
    }
    return { found: true, grouped, processes, left: targets.alive };
  } finally {
    targets.release();
  }
}

/** The processes to end, each pinned until all is done. */
class Targets {
  readonly #pinned = new Map<string, PinnedProcess>();

  constructor(
    private readonly parts: StopParts,
    private readonly agentId: string,
    keys: readonly string[],
  ) {
    for (const key of keys) {
      const process = parts.processes.get(key);
      if (process) this.#pinned.set(key, process.retain());
    }
  }

  get size(): number {
    return this.#pinned.size;
  }

  get alive(): number {
    return [...this.#pinned.values()].filter((process) => process.alive()).length;
  }

  /** Adds what descends from them now. One that ends meanwhile, or may not be read, is left out. */
  addDescendants(): void {
    const { processes } = this.parts;
    for (const pid of descendantPids([...this.#pinned.values()].map((process) => process.pid))) {
      try {
        const process = processes.fromPid(pid);
        if (!this.#pinned.has(process.key) && this.#belongs(process)) this.#pinned.set(process.key, process);
        else process.release();
      } catch {
        continue;
      }
    }
  }

  /** An agent that was started below this one is another agent, and is not ended with it here. */
  #belongs(process: PinnedProcess): boolean {
    const { members, groups } = this.parts;
    const { chain } = process.ancestors();
    const membership = members.find(process, chain, groups.of(process)?.launchId);
    return membership ? membership.agentId === this.agentId : chain.some(({ key }) => this.#pinned.has(key));
  }

  signal(signal: number): void {
    for (const process of this.#pinned.values()) {
      try {
        process.signal(signal);
      } catch {
        continue; // it became another user's: it is counted among those that are left
      }
    }
  }

  /** Resolves when they are gone and `also` holds, or after `mostMs`. */
  async gone(mostMs: number, also: () => boolean = () => true): Promise<void> {
    const { clock } = this.parts;
    const untilMs = clock.monotonicMs() + mostMs;
    while ((this.alive > 0 || !also()) && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
    }
  }

  release(): void {
    for (const process of this.#pinned.values()) process.release();
    this.#pinned.clear();
  }
}
