import { MandateError } from '../domain/errors';
import type { Evidence } from '../domain/evidence';
import { decodeEvidence } from '../domain/evidence-decode';
import type { MatchContext } from '../domain/match';
import type { CallerReport } from '../generated/proto/mandate/v1/node_link_pb';
import { matchContext } from './entitlement';
import type { LiveAgent } from './living';
import type { NodeApi } from './node-api';

/** A process that somebody asked about: its evidence as of now, and the agent it belongs to. */
export interface Questioned {
  readonly evidence: Evidence;
  readonly agent: LiveAgent | undefined;
}

/** Has the node attest a living process, also one that never asked for anything. Throws E_REQUEST, E_NOT_FOUND, E_NODE_DOWN. */
export async function questioned(node: NodeApi, pid: unknown): Promise<Questioned> {
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) throw new MandateError('E_REQUEST', { why: 'a pid is a positive number' });
  const report = await node.caller(pid as number, '', true);
  if (!report.found) throw new MandateError('E_NOT_FOUND', { saw: `pid ${pid as number}`, ...(report.code && { why: report.code }) });
  const evidence = decodeEvidence(report.evidence);
  return { evidence, agent: agentOf(node, evidence.processKey, report) };
}

/** The agent of a process, by what the server holds of it, else by what the node says it descends from. */
function agentOf(node: NodeApi, processKey: string, report: CallerReport): LiveAgent | undefined {
  const living = node.session?.living;
  return living?.agentOfKey(processKey) ?? (report.agentId ? living?.agents.get(report.agentId) : undefined);
}

/** As whom it is judged: who asks for nothing has no agent yet, and counts as the one it would become. Throws E_NODE_DOWN. */
export async function judgedAs(
  node: NodeApi,
  { evidence, agent }: Questioned,
): Promise<{ readonly judged: LiveAgent; readonly context: MatchContext }> {
  const { session } = node;
  if (!session) throw new MandateError('E_NODE_DOWN');
  const judged = agent ?? (await session.parts.delegations.firstOfItsTree({ evidence }));
  return { judged, context: matchContext(judged, session.living) };
}
