import type { AgentAnswer } from '../../domain/agent-answers';
import type { LaunchMeasures } from '../../domain/launch-measures';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { NO_DOMAIN } from '../no-domain';
import { safe, safeOr } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs } from '../table';
import { instant, left } from '../times';

/** `mandate agents show`. */
export const agentsShow: Command = async ({ deps, out, service }, operands) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'showAgent', { reference: operand(operands, 0) });
  out.answer(answer, (style) => agentText(answer, deps.clock.nowMs(), style));
};

const KNOWN_BY = { pinned: 'its launch', ancestor: 'an ancestor', cgroup: 'its control group' } as const;

function membersText({ membership, groupMissing }: NonNullable<AgentAnswer['launch']>): string {
  if (membership === 'cgroup') return 'whoever is in the control group of the launch';
  const reason = groupMissing === null ? '' : `; no control group: ${safe(groupMissing)}`;
  return `who has a living member among its ancestors${reason}`;
}

const measuredRows = ({ script, package: packaged, configuration }: LaunchMeasures): [string, string][] => [
  ...(script ? [['script', `${safe(script.path)}  sha256 ${safe(script.sha256)}`] as [string, string]] : []),
  ...(packaged
    ? [['package', `${safe(packaged.name)}  sha256 ${safe(packaged.sha256)}  lock ${safeOr(packaged.lockSha256)}`] as [string, string]]
    : []),
  ...(configuration ? [['governed', `as ${safe(configuration.product)}, sha256 ${safe(configuration.sha256)}`] as [string, string]] : []),
];

export function agentText(answer: AgentAnswer, nowMs: number, style: Style): string {
  const { agent, launch, delegation, processes, latest } = answer;
  const at = (text: string) => instant(text, nowMs, style);
  const human = delegation.delegator
    ? `${safe(delegation.delegator.name)} (uid ${delegation.delegator.uid})  ${delegation.assurance}`
    : `none: ${safeOr(delegation.stop?.reason)} (${safeOr(delegation.stop?.code)})`;
  const rows: [string, string][] = [
    ['id', safe(agent.id)],
    ['identity', safeOr(agent.spiffeId)],
    ['human', human],
    ['delegation', `${safe(delegation.id)}  ${delegation.given}  since ${at(delegation.started)}, ends ${at(delegation.ends)}`],
  ];
  if (launch) {
    rows.push(['launch', `${safe(launch.id)}  at ${at(launch.opened)} by ${safe(launch.user)}${launch.terminal ? ' at a terminal' : ''}`]);
    rows.push(['program', `${safe(launch.program)}  sha256 ${safe(launch.programSha256)}  ${launch.argumentCount} arguments`]);
    rows.push(...measuredRows(launch.measures));
    rows.push(['members', membersText(launch)]);
    rows.push([
      'confined',
      launch.confinement === 'domain' ? 'by a Landlock domain (declared)' : `no: ${NO_DOMAIN[launch.confinementReason ?? 'unsaid']}`,
    ]);
    if (launch.ownUid !== null) rows.push(['uid', `${launch.ownUid}, which belongs to this launch alone`]);
    if (launch.task) rows.push(['task', `${safe(launch.task)} (declared)`]);
  }
  if (latest) {
    rows.push(['latest', `${latest.kind} ${safe(latest.serial)}  ${left(latest.notAfter, nowMs, style)}`]);
    rows.push(['rule', latest.rule === null ? '–' : `${safe(latest.rule)} v${latest.ruleVersion}`]);
  }
  for (const process of processes) {
    const known = process.membership === null ? '' : `  known by ${KNOWN_BY[process.membership]}`;
    rows.push(['process', `pid ${process.pid}  uid ${process.uid}  seen ${at(process.seen)}${known}`]);
  }
  const state = agent.ended === null ? style.good(agent.state) : `${agent.state} ${at(agent.ended)}`;
  return `${style.bold(safe(agent.name))}  ${state}\n${pairs(rows)}`;
}
