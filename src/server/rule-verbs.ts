import type { Clock, RuleStore } from '../domain/ports';
import type { RuleVersion } from '../domain/rule';
import type { VerbHandlers } from './admin-api';
import { rfc3339 } from '../domain/instant';
import { ruleItem } from './answers';
import type { Callers, PinnedCaller, Standing } from './callers';
import { affectedProcesses, defaultIdentities } from './default-identities';
import type { NodeApi } from './node-api';
import { notFound, referenceText } from './reference';
import { authorOf, type Rules } from './rules';

const MAX_VERSIONS = 100;

export interface RuleVerbsParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly rules: Rules;
  readonly ruleStore: RuleStore;
  readonly clock: Clock;
  /** New rules are in force: pokes whoever's answer they alter and records the change. */
  readonly rulesApplied: (changed: readonly RuleVersion[], caller: PinnedCaller, standing: Standing) => Promise<void>;
}

/** `rules ls`, `rules show` and `rules apply`: for administrators alone. */
export const ruleVerbs = (parts: RuleVerbsParts): Pick<VerbHandlers, 'listRules' | 'showRule' | 'applyRules'> => ({
  listRules: async (_, caller) => {
    const { callers, rules } = parts;
    await callers.administer('rules ls', caller);
    return { generation: rules.compiled.generation, rules: rules.current.map(ruleItem) };
  },

  showRule: async ({ name }, caller) => {
    const { callers, rules, ruleStore } = parts;
    await callers.administer('rules show', caller);
    const rule = rules.current.find((version) => version.rule.name === name);
    if (!rule) throw notFound(referenceText(name, 'a rule name'));
    const versions = await ruleStore.versions(rule.rule.name, MAX_VERSIONS);
    return {
      rule: ruleItem(rule),
      versions: versions.map(({ version, contentSha256, appliedAtMs, author }) => ({
        version,
        contentSha256,
        applied: rfc3339(appliedAtMs),
        author,
      })),
    };
  },

  applyRules: async ({ files }, caller) => {
    const { callers, rules, clock } = parts;
    const standing = await callers.administer('rules apply', caller);
    const defaults = defaultIdentities(parts);
    const { before, now, changed } = await rules.apply(files, authorOf(caller), clock.nowMs());
    if (changed.length > 0) await parts.rulesApplied(changed, caller, standing);
    const versions = new Map(before.map((version) => [version.rule.name, version.version]));
    return {
      generation: rules.compiled.generation,
      changes: changed.map(({ rule, version }) => ({ name: rule.name, from: versions.get(rule.name) ?? null, to: version })),
      unchanged: now.filter((version) => !changed.includes(version)).map(({ rule }) => rule.name),
      affected: affectedProcesses(defaults, defaultIdentities(parts)),
    };
  },
});
