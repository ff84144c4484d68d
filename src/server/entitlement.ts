import { MandateError } from '../domain/errors';
import { type Entitled, type MatchContext, matchRules, type MatchResult } from '../domain/match';
import type { Clock } from '../domain/ports';
import type { Frozen } from './configuration';
import type { Delegations } from './delegations';
import type { LiveAgent, LiveProcess, Living } from './living';
import { Denied } from './refuse';

export interface EntitlementParts {
  readonly living: Living;
  readonly delegations: Delegations;
  readonly clock: Clock;
}

/** Steps 7 and 8: what a process may be, and on whose behalf. */
export class Entitlements {
  constructor(private readonly parts: EntitlementParts) {}

  /**
   * What the process may be and on whose behalf. A process without an agent becomes the first of one here, and only if a rule gives it
   * an identity: what is refused leaves a refusal behind, not an agent.
   */
  async of(process: LiveProcess, frozen: Frozen): Promise<{ agent: LiveAgent; identities: readonly Entitled[] }> {
    const first = process.agent ?? (await this.parts.delegations.firstOfItsTree(process));
    const agent = process.agent ?? first; // another request of the same process may have been first meanwhile
    const now = this.parts.clock.nowMs();
    if (agent.delegation.endsAtMs <= now) throw new Denied(process, { code: 'E_DELEGATION_ENDED', rule: null, conditions: [], remedy: '' });
    const result = this.match(process, agent, frozen);
    process.told = fingerprint(result);
    // The node looks only when it is told to, since most rules do not ask; nothing is recorded until it did.
    if (result.unseen) throw new MandateError('E_CONNECTION_UNSEEN');
    if (result.denial) throw new Denied(process, result.denial);
    if (!process.agent) {
      process.agent = agent;
      agent.processes.add(process.key);
      this.parts.living.add(agent);
    }
    return { agent, identities: result.identities };
  }

  /** What the rules give a process; kept until rules, evidence or agent change, since a renewal asks again what was asked before. */
  match(process: LiveProcess, agent: LiveAgent, frozen: Frozen): MatchResult {
    const known = process.matched;
    if (known?.rules === frozen.rules && known.facts === process.facts && known.agentId === agent.row.id) return known.result;
    const result = matchRules(frozen.rules, process.facts, matchContext(agent, this.parts.living));
    process.matched = { rules: frozen.rules, facts: process.facts, agentId: agent.row.id, result };
    return result;
  }
}

export const matchContext = (agent: LiveAgent, living: Living): MatchContext => ({
  delegator: agent.delegation.personId === null ? null : agent.delegation.assurance,
  given: agent.delegation.given,
  device: living.device.assurance,
  agentId: agent.row.id,
});

/** What a rule change may alter of an answer: identities, their order, lifetimes and audiences. */
export const fingerprint = (result: MatchResult): string =>
  result.denial
    ? `${result.denial.code} ${result.denial.rule?.rule.name ?? ''}@${result.denial.rule?.version ?? 0}`
    : result.identities.map((identity) => `${identity.spiffeId} ${identity.rule.rule.name}@${identity.rule.version}`).join('\n');
