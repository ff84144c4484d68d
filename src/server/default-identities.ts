import type { AffectedItem } from '../domain/rule-answers';
import { matchRules } from '../domain/match';
import { matchContext } from './entitlement';
import type { NodeApi } from './node-api';
import type { Rules } from './rules';

/** What one living process would be given first. */
export interface DefaultIdentity {
  readonly pid: number;
  readonly agent: string;
  readonly spiffeId: string | null;
}

export type DefaultIdentities = ReadonlyMap<string, DefaultIdentity>;

/** The default identity of each living process under the rules in force, by process key. */
export function defaultIdentities({ node, rules }: { readonly node: NodeApi; readonly rules: Rules }): DefaultIdentities {
  const defaults = new Map<string, DefaultIdentity>();
  const living = node.session?.living;
  for (const process of living?.processes.values() ?? []) {
    if (!living || !process.agent) continue;
    const [first] = matchRules(rules.compiled, process.facts, matchContext(process.agent, living)).identities;
    defaults.set(process.key, { pid: process.evidence.pid, agent: process.agent.row.name, spiffeId: first?.spiffeId ?? null });
  }
  return defaults;
}

/** Living processes whose default identity is another one after a change. */
export const affectedProcesses = (before: DefaultIdentities, after: DefaultIdentities): readonly AffectedItem[] =>
  [...before].flatMap(([key, was]) => {
    const is = after.get(key);
    return is && is.spiffeId !== was.spiffeId ? [{ pid: was.pid, agent: was.agent, before: was.spiffeId, after: is.spiffeId }] : [];
  });
