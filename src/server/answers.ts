import type { AgentAnswer, AgentItem, RuleItem } from '../domain/answers';
import type { AgentSummary } from '../domain/lineage';
import type { RuleVersion } from '../domain/rule';

/** RFC 3339 UTC with milliseconds. */
export const instant = (ms: number): string => new Date(ms).toISOString();

/** One line of `agents ls`. */
export function agentItem(summary: AgentSummary, nowMs: number): AgentItem {
  const { agent, launch, person, processes, latest, endedAtMs } = summary;
  const first = launch ? processes.find((process) => process.key === launch.processKey) : processes[0];
  return {
    id: agent.id,
    name: agent.name,
    human: person?.name ?? null,
    state: endedAtMs === null ? 'running' : 'ended',
    rule: latest?.ruleName ?? null,
    spiffeId: latest?.spiffeId ?? null,
    svidLeftSeconds: latest && endedAtMs === null ? Math.max(0, Math.floor((latest.notAfterMs - nowMs) / 1000)) : null,
    pid: (first ?? processes[0])?.pid ?? null,
    processes: processes.length,
    started: instant(agent.startedAtMs),
    ended: endedAtMs === null ? null : instant(endedAtMs),
  };
}

/** Everything `agents show` tells of one agent. */
export function agentAnswer(summary: AgentSummary, nowMs: number): AgentAnswer {
  const { launch, delegation, person, processes, latest } = summary;
  return {
    agent: agentItem(summary, nowMs),
    launch: launch && {
      id: launch.id,
      name: launch.name,
      task: launch.task,
      program: launch.programPath,
      programSha256: launch.programSha256,
      argumentCount: launch.argumentCount,
      terminal: launch.terminal,
      user: launch.user,
      opened: instant(launch.openedAtMs),
    },
    delegation: {
      id: delegation.id,
      delegator: person && { kind: person.kind, name: person.name, uid: person.uid },
      assurance: delegation.assurance,
      given: delegation.given,
      started: instant(delegation.startedAtMs),
      ends: instant(delegation.endsAtMs),
      stop: delegation.stopCode === null ? null : { code: delegation.stopCode, reason: delegation.stopReason ?? '' },
    },
    processes: processes.map((process) => ({
      key: process.key,
      pid: process.pid,
      uid: process.uid,
      seen: instant(process.seenAtMs),
      via: process.viaProcessKey,
    })),
    latest: latest && {
      serial: latest.serial,
      kind: latest.kind,
      spiffeId: latest.spiffeId,
      rule: latest.ruleName,
      ruleVersion: latest.ruleVersion,
      issued: instant(latest.issuedAtMs),
      notAfter: instant(latest.notAfterMs),
    },
  };
}

/** One rule as `rules ls` shows it. */
export const ruleItem = ({ rule, version, contentSha256, appliedAtMs, author }: RuleVersion): RuleItem => ({
  name: rule.name,
  version,
  priority: rule.priority,
  disabled: rule.disabled,
  match: rule.match,
  require: rule.require,
  id: rule.issue.id,
  hint: rule.issue.hint,
  x509TtlSeconds: rule.issue.x509TtlSeconds,
  jwtTtlSeconds: rule.issue.jwtTtlSeconds,
  audiences: rule.issue.audiences,
  contentSha256,
  applied: instant(appliedAtMs),
  author,
});
