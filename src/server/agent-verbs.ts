import { refusalOf } from '../domain/explain';
import { newReference } from '../domain/ids';
import { matchRules } from '../domain/match';
import type { Clock, LineageReader, Random } from '../domain/ports';
import type { VerbHandlers } from './admin-api';
import { agentAnswer, agentItem, whoAnswer } from './answers';
import type { Callers } from './callers';
import type { NodeApi } from './node-api';
import { judgedAs, questioned } from './questioned';
import { MAX_CANDIDATES, referenceText, theOne } from './reference';
import type { Rules } from './rules';
import { visible, visibleAgent } from './visibility';

const MAX_LISTED = 1000;
const DEFAULT_LISTED = 100;

export interface AgentVerbsParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly rules: Rules;
  readonly reader: LineageReader;
  readonly clock: Clock;
  readonly random: Random;
}

/** `agents ls`, `agents show` and `who`: each caller sees what is its own, administrators everything. */
export const agentVerbs = (parts: AgentVerbsParts): Pick<VerbHandlers, 'listAgents' | 'showAgent' | 'who'> => ({
  listAgents: async ({ ended, limit }, caller) => {
    const { callers, reader, clock } = parts;
    const standing = await callers.read('agents', caller);
    const most = Math.min(Math.max(1, Math.trunc(Number(limit)) || DEFAULT_LISTED), MAX_LISTED);
    const listed = await reader.agents({ ended: ended === true, ...(standing.administrator ? {} : { uid: standing.uid }) }, most + 1);
    const shown = listed.filter((summary) => visibleAgent(standing, summary));
    return { agents: shown.slice(0, most).map((summary) => agentItem(summary, clock.nowMs())), more: shown.length > most };
  },

  showAgent: async ({ reference }, caller) => {
    const { callers, reader, clock } = parts;
    const standing = await callers.read('agents', caller);
    const found = await reader.agentsByReference(referenceText(reference), MAX_CANDIDATES);
    const seen = found.filter((summary) => visibleAgent(standing, summary));
    return agentAnswer(
      theOne(seen, reference, ({ agent }) => agent.name),
      clock.nowMs(),
    );
  },

  who: async ({ pid }, caller) => {
    const { callers, node, rules, random } = parts;
    const standing = await callers.read('agents', caller);
    const { evidence, agent } = await questioned(node, pid);
    if (!visible(standing, agent?.row.id, evidence.uid)) return callers.refuse('who', caller, standing);
    const { context } = await judgedAs(node, { evidence, agent });
    const { identities, denial } = matchRules(rules.compiled, evidence, context);
    const refusal = denial && refusalOf(denial, evidence, newReference(random));
    return whoAnswer(evidence, agent, identities, refusal, standing.administrator);
  },
});
