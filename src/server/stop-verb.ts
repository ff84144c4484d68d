import { MandateError } from '../domain/errors';
import type { AgentSummary } from '../domain/lineage';
import type { Clock, LineageReader } from '../domain/ports';
import type { AgentStopped } from '../generated/proto/mandate/v1/node_link_pb';
import type { VerbHandlers } from './admin-api';
import { rfc3339 } from '../domain/instant';
import type { Callers, PinnedCaller, Standing } from './callers';
import type { LiveAgent } from './living';
import type { NodeApi } from './node-api';
import { MAX_CANDIDATES, notFound, referenceText, theOne } from './reference';
import { startedBy, visibleAgent } from './visibility';

const VERB = 'agents stop';

export interface StopVerbParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly reader: LineageReader;
  readonly clock: Clock;
  /** Resolves when it is on record that the caller ordered the end of an agent. */
  readonly agentStopped: (agent: AgentSummary, caller: PinnedCaller, standing: Standing) => Promise<void>;
}

/**
 * `agents stop`: administrators end any agent, and who launched one ends it, both from outside every agent: what an agent started or turned
 * into never ends another one, nor itself in the name of a person. Who ordered it is on record before anything is ended.
 */
export const stopVerb = (parts: StopVerbParts): Pick<VerbHandlers, 'stopAgent'> => ({
  stopAgent: async ({ reference, carryOut }, caller) => {
    const { callers, node, clock } = parts;
    const standing = await callers.read(VERB, caller);
    if (standing.agentId !== undefined) return callers.refuse(VERB, caller, standing);
    const summary = await agentOf(parts, referenceText(reference), standing);
    if (!mayStop(standing, summary)) return callers.refuse(VERB, caller, standing);
    const { agent, launch, latest, endedAtMs } = summary;
    if (!node.session) throw new MandateError('E_NODE_DOWN');
    const live = node.session.living.agents.get(agent.id);
    if (endedAtMs !== null || !live) throw new MandateError('E_NOT_FOUND', { saw: agent.name, why: 'it has ended already' });
    if (carryOut === true) {
      await parts.agentStopped(summary, caller, standing);
      if (!caller.alive()) throw new MandateError('E_PEER_GONE');
    }
    const { found, grouped, processes, left } = await ordered(node, live, carryOut === true);
    if (!found) throw new MandateError('E_NOT_FOUND', { saw: agent.name, why: 'the node knows no living process of it' });
    const valid = latest !== null && latest.notAfterMs > clock.nowMs();
    return {
      agent: { id: agent.id, name: agent.name },
      by: launch !== null && grouped ? 'cgroup' : 'ancestry',
      processes,
      stopped: carryOut === true,
      left,
      lastSvid: valid ? rfc3339(latest.notAfterMs) : null,
    };
  },
});

const mayStop = (standing: Standing, summary: AgentSummary): boolean => standing.administrator || startedBy(summary) === standing.uid;

/** What ends from the order on ends by it; the node tells the end of a launch before it answers. */
async function ordered(node: NodeApi, live: LiveAgent, carryOut: boolean): Promise<AgentStopped> {
  live.stopped = carryOut;
  try {
    return await node.stopAgent(live.row.id, carryOut);
  } catch (thrown) {
    live.stopped = false;
    throw thrown;
  }
}

/** The agent of a living process with this pid, or the one that the reference names; what the caller may not see is not there. */
async function agentOf({ node, reader }: StopVerbParts, reference: string, standing: Standing): Promise<AgentSummary> {
  const named = /^[1-9][0-9]{0,6}$/.test(reference) ? await agentOfPid(node, Number(reference)) : reference;
  if (named === undefined) throw notFound(reference);
  const found = (await reader.agentsByReference(named, MAX_CANDIDATES)).filter((summary) => visibleAgent(standing, summary));
  return theOne(found, reference, ({ agent }) => agent.name);
}

/** A number is a pid here and nothing else: what ends processes must not guess. */
async function agentOfPid(node: NodeApi, pid: number): Promise<string | undefined> {
  const { agentId } = await node.caller(pid, '', false);
  return agentId === '' ? undefined : agentId;
}
