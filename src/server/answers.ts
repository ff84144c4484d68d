import type { AgentAnswer, AgentItem, WhoAnswer } from '../domain/agent-answers';
import type { BundleAnswer, ErrorBody } from '../domain/answers';
import type { RuleItem } from '../domain/rule-answers';
import { type Bundle, bundlePem, jwkSetJson, spiffeBundleJson } from '../domain/bundle';
import type { Evidence } from '../domain/evidence';
import type { Refusal } from '../domain/explain';
import type { AuthorityRow } from '../domain/authority-row';
import type { AgentSummary } from '../domain/lineage';
import { rfc3339 } from '../domain/instant';
import type { Entitled } from '../domain/match';
import { toldBy } from '../domain/membership';
import type { RuleVersion } from '../domain/rule';
import type { LiveAgent } from './living';

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
    started: rfc3339(agent.startedAtMs),
    ended: endedAtMs === null ? null : rfc3339(endedAtMs),
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
      measures: launch.measures,
      confinement: launch.confinement.kind,
      confinementReason: launch.confinement.kind === 'none' ? launch.confinement.reason : null,
      user: launch.user,
      ownUid: launch.ownUid,
      membership: toldBy(launch),
      groupMissing: launch.groupMissing,
      opened: rfc3339(launch.openedAtMs),
    },
    delegation: {
      id: delegation.id,
      delegator: person && { kind: person.kind, name: person.name, uid: person.uid },
      assurance: delegation.assurance,
      given: delegation.given,
      started: rfc3339(delegation.startedAtMs),
      ends: rfc3339(delegation.endsAtMs),
      stop: delegation.stopCode === null ? null : { code: delegation.stopCode, reason: delegation.stopReason ?? '' },
    },
    processes: processes.map((process) => ({
      key: process.key,
      pid: process.pid,
      uid: process.uid,
      seen: rfc3339(process.seenAtMs),
      via: process.viaProcessKey,
      membership: process.membership,
    })),
    latest: latest && {
      serial: latest.serial,
      kind: latest.kind,
      spiffeId: latest.spiffeId,
      rule: latest.ruleName,
      ruleVersion: latest.ruleVersion,
      issued: rfc3339(latest.issuedAtMs),
      notAfter: rfc3339(latest.notAfterMs),
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
  rs256: rule.issue.rs256 ?? [],
  contentSha256,
  applied: rfc3339(appliedAtMs),
  author,
});

/** What `who` tells of one process: what was measured of it, and what the rules in force would make of that. */
export const whoAnswer = (
  evidence: Evidence,
  agent: LiveAgent | undefined,
  identities: readonly Entitled[],
  refusal: Refusal | null,
  administrator: boolean,
): WhoAnswer => ({
  pid: evidence.pid,
  processKey: evidence.processKey,
  agent: agent ? { id: agent.row.id, name: agent.row.name } : null,
  launch: agent?.launch?.id ?? null,
  human: agent?.person?.name ?? null,
  facts: evidence.facts.map(({ type, value, assurance }) => ({ selector: type, value, assurance })),
  ancestors: evidence.ancestors.map(({ pid, uid, exe }) => ({ pid, uid, exe })),
  chainEnd: evidence.chainEnd,
  gaps: evidence.gaps,
  identities: identities.map(({ spiffeId, rule }) => ({ spiffeId, rule: rule.rule.name, ruleVersion: rule.version })),
  refusal: refusal && refusalBody(refusal, administrator),
});

/** Expected values and remedies would teach an agent its way in: administrators alone see them. */
const refusalBody = ({ code, message, rule, ruleVersion, conditions, remedy }: Refusal, administrator: boolean): ErrorBody => ({
  code,
  message,
  help: `mandate help ${code}`,
  ...(rule === undefined ? {} : { rule, ruleVersion: ruleVersion ?? 0 }),
  conditions: conditions.map(({ selector, holds, seen, expected }) => ({
    selector,
    holds,
    seen,
    expected: administrator ? (expected ?? null) : null,
  })),
  ...(administrator && remedy !== undefined ? { fix: remedy } : {}),
});

/** The bundle in each format it is published in, and the stages of the authorities behind it. */
export const bundleAnswer = (bundle: Bundle, authorities: readonly AuthorityRow[]): BundleAnswer => ({
  trustDomain: bundle.trustDomain,
  sequence: bundle.sequence,
  refreshHintSeconds: bundle.refreshHintSeconds,
  authorities: authorities.map(({ kind, keyId, stage, notBeforeMs, notAfterMs }) => ({
    kind,
    keyId,
    stage,
    notBefore: rfc3339(notBeforeMs),
    notAfter: rfc3339(notAfterMs),
  })),
  pem: bundlePem(bundle),
  spiffe: JSON.parse(spiffeBundleJson(bundle)) as Record<string, unknown>,
  jwks: JSON.parse(jwkSetJson(bundle)) as Record<string, unknown>,
});
