import { createHash } from 'node:crypto';
import type { Canonical } from './canonical';
import { canonicalJson } from './canonical';
import type { Rule } from './rule';

/** A rule with the text it is stored and compared as. */
export interface CanonicalRule {
  readonly rule: Rule;
  readonly canonical: string;
  /** SHA-256 of `canonical` in UTF-8, lower-case hex: equal contents are one version. */
  readonly contentSha256: string;
}

/** Canonical text and digest of a rule (docs/records.md): every field, defaults filled in; requirements, RS256 and foreign trust domains only where there are any. */
export function canonicalRule(rule: Rule): CanonicalRule {
  const { require, issue } = rule;
  const canonical = canonicalJson({
    v: 1,
    name: rule.name,
    priority: rule.priority,
    disabled: rule.disabled,
    match: rule.match,
    require: present({
      process: require.process,
      delegator: require.delegator,
      device: require.device,
      given: require.given,
      connection: require.connection,
    }),
    issue: {
      id: issue.id,
      hint: issue.hint,
      x509TtlSeconds: issue.x509TtlSeconds,
      jwtTtlSeconds: issue.jwtTtlSeconds,
      audiences: issue.audiences,
      ...present({ rs256: issue.rs256, federatesWith: issue.federatesWith }),
    },
  });
  return { rule, canonical, contentSha256: createHash('sha256').update(canonical, 'utf8').digest('hex') };
}

const present = (members: Readonly<Record<string, Canonical | undefined>>): { readonly [key: string]: Canonical } =>
  Object.fromEntries(Object.entries(members).filter((member): member is [string, Canonical] => member[1] !== undefined));
