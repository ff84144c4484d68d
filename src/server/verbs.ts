import { AUTHORIZED_VERBS } from '../domain/admin-verbs';
import type { StatusAnswer } from '../domain/answers';
import type { Bundle } from '../domain/bundle';
import { bundlePem, jwkSetJson, spiffeBundleJson } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import { decodeEvidence } from '../domain/evidence-decode';
import { refusalOf } from '../domain/explain';
import { newReference } from '../domain/ids';
import type { AgentSummary, AuthorityRow, CredentialRow } from '../domain/lineage';
import { matchRules } from '../domain/match';
import type { Clock, LineageReader, Random, RuleStore } from '../domain/ports';
import { buildTrace } from '../domain/trace';
import type { VerbHandlers } from './admin-api';
import { agentAnswer, agentItem, instant, ruleItem } from './answers';
import type { Callers, PinnedCaller, Standing } from './callers';
import { matchContext } from './entitlement';
import type { NodeApi } from './node-api';
import { authorOf, type Rules } from './rules';

const MAX_LISTED = 1000;
const MAX_VERSIONS = 100;
const MAX_CANDIDATES = 10;

export interface VerbsParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly rules: Rules;
  readonly ruleStore: RuleStore;
  readonly reader: LineageReader;
  readonly bundle: () => Bundle;
  readonly authorities: () => readonly AuthorityRow[];
  readonly status: (standing: Standing) => Promise<StatusAnswer>;
  readonly installationId: string;
  readonly installed: boolean;
  readonly deviceId: () => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** New rules are in force: pokes whoever's answer they alter and records the change. */
  readonly rulesApplied: (names: readonly string[], caller: PinnedCaller) => Promise<void>;
  readonly shutdown: (caller: PinnedCaller) => Promise<void>;
}

/** What each verb of the admin API does, once its caller may use it. */
export function verbHandlers(parts: VerbsParts): VerbHandlers {
  const { callers, reader, rules, clock } = parts;
  return {
    status: async (_, caller) => parts.status(await callers.read('status', caller)),

    trace: async ({ reference }, caller) => {
      const standing = await callers.read('trace', caller);
      const credential = await oneCredential(parts, text(reference, 'a reference'), standing);
      const chain = await reader.chain(credential.serial);
      if (!chain || !visible(standing, chain.agent?.id, chain.launch?.uid ?? chain.process?.uid)) throw notFound(reference);
      return buildTrace(chain, {
        separated: separatedFor(parts, chain.process?.uid),
        installationId: parts.installationId,
        nowMs: clock.nowMs(),
      });
    },

    listAgents: async ({ ended, limit }, caller) => {
      const standing = await callers.read('agents', caller);
      const most = Math.min(Math.max(1, Math.trunc(Number(limit)) || 100), MAX_LISTED);
      const listed = await reader.agents({ ended: ended === true, ...(standing.administrator ? {} : { uid: standing.uid }) }, most + 1);
      const shown = listed.filter((summary) => visibleAgent(standing, summary));
      return { agents: shown.slice(0, most).map((summary) => agentItem(summary, clock.nowMs())), more: shown.length > most };
    },

    showAgent: async ({ reference }, caller) => {
      const standing = await callers.read('agents', caller);
      const found = (await reader.agentsByReference(text(reference, 'a reference'), MAX_CANDIDATES)).filter((summary) =>
        visibleAgent(standing, summary),
      );
      const only = one(found, reference, ({ agent }) => agent.name);
      return agentAnswer(only, clock.nowMs());
    },

    who: async ({ pid }, caller) => {
      if (!Number.isSafeInteger(pid) || pid <= 0) throw new MandateError('E_REQUEST', { why: 'a pid is a positive number' });
      const standing = await callers.read('agents', caller);
      const report = await parts.node.caller(pid, '', true);
      if (!report.found) throw new MandateError('E_NOT_FOUND', { saw: `pid ${pid}`, ...(report.code && { why: report.code }) });
      const evidence = decodeEvidence(report.evidence);
      const session = parts.node.session;
      const live = session?.living.processes.get(evidence.processKey);
      const agent =
        live?.agent ??
        session?.living.agentOfKey(evidence.processKey) ??
        (report.agentId ? session?.living.agents.get(report.agentId) : undefined);
      if (!visible(standing, agent?.row.id, evidence.uid)) return callers.refuse('who', caller, standing);
      const context =
        agent && session ? matchContext(agent, session.living) : { delegator: null, given: null, device: 'declared' as const };
      const result = matchRules(rules.compiled, evidence, context);
      const refusal = result.denial && refusalOf(result.denial, evidence, newReference(parts.random));
      return {
        pid: evidence.pid,
        processKey: evidence.processKey,
        agent: agent ? { id: agent.row.id, name: agent.row.name } : null,
        launch: agent?.launch?.id ?? null,
        human: agent?.person?.name ?? null,
        facts: evidence.facts.map(({ type, value, assurance }) => ({ selector: type, value, assurance })),
        ancestors: evidence.ancestors.map(({ pid: ancestorPid, uid, exe }) => ({ pid: ancestorPid, uid, exe })),
        chainEnd: evidence.chainEnd,
        gaps: evidence.gaps,
        identities: result.identities.map(({ spiffeId, rule }) => ({ spiffeId, rule: rule.rule.name, ruleVersion: rule.version })),
        refusal: refusal && {
          code: refusal.code,
          message: refusal.message,
          help: `mandate help ${refusal.code}`,
          ...(refusal.rule === undefined ? {} : { rule: refusal.rule, ruleVersion: refusal.ruleVersion ?? 0 }),
          conditions: refusal.conditions.map(({ selector, holds, seen, expected }) => ({
            selector,
            holds,
            seen,
            expected: standing.administrator ? (expected ?? null) : null,
          })),
          ...(standing.administrator && refusal.remedy !== undefined ? { fix: refusal.remedy } : {}),
        },
      };
    },

    listRules: async (_, caller) => {
      await callers.administer('rules ls', caller);
      return { generation: rules.compiled.generation, rules: rules.current.map(ruleItem) };
    },

    showRule: async ({ name }, caller) => {
      await callers.administer('rules show', caller);
      const rule = rules.current.find((version) => version.rule.name === name);
      if (!rule) throw notFound(text(name, 'a rule name'));
      const versions = await parts.ruleStore.versions(rule.rule.name, MAX_VERSIONS);
      return {
        rule: ruleItem(rule),
        versions: versions.map(({ version, contentSha256, appliedAtMs, author }) => ({
          version,
          contentSha256,
          applied: instant(appliedAtMs),
          author,
        })),
      };
    },

    applyRules: async ({ files }, caller) => {
      await callers.administer('rules apply', caller);
      const defaults = defaultIdentities(parts);
      const applied = await rules.apply(files, authorOf(caller), clock.nowMs());
      const before = new Map(applied.before.map((version) => [version.rule.name, version.version]));
      if (applied.changed.length > 0)
        await parts.rulesApplied(
          applied.changed.map(({ rule }) => rule.name),
          caller,
        );
      const after = defaultIdentities(parts);
      return {
        generation: rules.compiled.generation,
        changes: applied.changed.map(({ rule, version }) => ({ name: rule.name, from: before.get(rule.name) ?? null, to: version })),
        unchanged: applied.now.filter((version) => !applied.changed.includes(version)).map(({ rule }) => rule.name),
        affected: [...defaults].flatMap(([key, was]) => {
          const is = after.get(key);
          return is && is.spiffeId !== was.spiffeId ? [{ pid: was.pid, agent: was.agent, before: was.spiffeId, after: is.spiffeId }] : [];
        }),
      };
    },

    bundle: async (_, caller) => {
      await callers.read('bundle', caller);
      const bundle = parts.bundle();
      return {
        trustDomain: bundle.trustDomain,
        sequence: bundle.sequence,
        refreshHintSeconds: bundle.refreshHintSeconds,
        authorities: parts.authorities().map(({ kind, keyId, stage, notBeforeMs, notAfterMs }) => ({
          kind,
          keyId,
          stage,
          notBefore: instant(notBeforeMs),
          notAfter: instant(notAfterMs),
        })),
        pem: bundlePem(bundle),
        spiffe: JSON.parse(spiffeBundleJson(bundle)) as Record<string, unknown>,
        jwks: JSON.parse(jwkSetJson(bundle)) as Record<string, unknown>,
      };
    },

    authorize: async ({ verb }, caller) => {
      if (!AUTHORIZED_VERBS.includes(verb)) throw new MandateError('E_REQUEST', { why: 'no such verb' });
      await callers.administer(verb, caller);
      return { allowed: true };
    },

    shutdown: async (_, caller) => {
      await callers.administer('down', caller);
      await parts.shutdown(caller);
      return { stopping: true };
    },
  };
}

const notFound = (reference: string) => new MandateError('E_NOT_FOUND', { saw: reference.slice(0, 100) });

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 256) throw new MandateError('E_REQUEST', { why: `${what} is expected` });
  return value;
}

function one<T>(found: readonly T[], reference: string, name: (item: T) => string): T {
  const [first, ...others] = found;
  if (!first) throw notFound(reference);
  if (others.length > 0)
    throw new MandateError('E_AMBIGUOUS', { saw: reference.slice(0, 100), why: `it fits ${found.map(name).join(', ')}` });
  return first;
}

/** Administrators see all; an agent itself; everybody else what their own account started. */
function visible(standing: Standing, agentId: string | undefined, uid: number | undefined): boolean {
  if (standing.administrator) return true;
  if (standing.agentId !== undefined) return agentId === standing.agentId;
  return uid === standing.uid;
}

const visibleAgent = (standing: Standing, { agent, launch, person, processes }: AgentSummary): boolean =>
  visible(standing, agent.id, launch?.uid ?? person?.uid ?? processes[0]?.uid);

/** Whether the issuer was out of reach for the process a chain ends at. */
const separatedFor = (parts: VerbsParts, uid: number | undefined): boolean => parts.installed && uid !== undefined && uid !== 0;

/** A serial, a jti, a unique prefix of one, or a pid. A reference of another's credential is not found, as if there were none. */
async function oneCredential(parts: VerbsParts, reference: string, standing: Standing): Promise<CredentialRow> {
  const { reader } = parts;
  const deviceId = parts.deviceId();
  if (/^[0-9]{1,7}$/.test(reference) && deviceId !== undefined) {
    const [latest] = await reader.credentialsByPid(deviceId, Number(reference), 1);
    if (latest) return latest;
  }
  if (!/^[0-9a-f]{4,32}$/.test(reference)) {
    const agents = (await reader.agentsByReference(reference, MAX_CANDIDATES)).filter((summary) => visibleAgent(standing, summary));
    if (agents.length === 0) throw notFound(reference);
    const { latest } = one(agents, reference, ({ agent }) => agent.name);
    if (!latest) throw new MandateError('E_NOT_FOUND', { saw: reference, why: 'this agent has no credential yet' });
    return latest;
  }
  const found = await reader.credentialsByPrefix(reference, MAX_CANDIDATES);
  return one(found, reference, ({ serial }) => serial);
}

function defaultIdentities(parts: VerbsParts): Map<string, { pid: number; agent: string | null; spiffeId: string | null }> {
  const session = parts.node.session;
  const defaults = new Map<string, { pid: number; agent: string | null; spiffeId: string | null }>();
  if (!session) return defaults;
  for (const process of session.living.processes.values()) {
    if (!process.agent) continue;
    const [first] = matchRules(parts.rules.compiled, process.facts, matchContext(process.agent, session.living)).identities;
    defaults.set(process.key, { pid: process.evidence.pid, agent: process.agent.row.name, spiffeId: first?.spiffeId ?? null });
  }
  return defaults;
}
