import type { AgentSummary } from '../domain/lineage';
import type { Standing } from './callers';

/** Whether a caller may see what belongs to this agent or uid. Administrators see all; an agent itself; everybody else what their own account started. */
export function visible(standing: Standing, agentId: string | undefined, uid: number | undefined): boolean {
  if (standing.administrator) return true;
  if (standing.agentId !== undefined) return agentId === standing.agentId;
  return uid === standing.uid;
}

/** The account that started an agent, as the kernel named it. */
export const startedBy = ({ launch, person, processes }: Omit<AgentSummary, 'agent'>): number | undefined =>
  launch?.uid ?? person?.uid ?? processes[0]?.uid;

export const visibleAgent = (standing: Standing, summary: AgentSummary): boolean => visible(standing, summary.agent.id, startedBy(summary));
