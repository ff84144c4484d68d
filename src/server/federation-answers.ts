import { createHash } from 'node:crypto';
import type { FederationItem, FederationState } from '../domain/federation-answers';
import type { RuleVersion } from '../domain/rule';
import { rfc3339 } from '../domain/instant';
import type { Partner } from './partner';

/** One line of `federation ls`. */
export function federationItem(partner: Partner, rules: readonly RuleVersion[]): FederationItem {
  const { row, bundle, document, failure } = partner;
  return {
    trustDomain: row.trustDomain,
    url: row.url,
    profile: row.profile,
    endpointId: row.endpointId,
    webCa: row.webCa !== null,
    state: stateOf(partner),
    sequence: bundle?.sequence?.toString() ?? null,
    refreshHintSeconds: bundle?.refreshHintSeconds ?? null,
    x509Authorities: bundle?.trust.roots.length ?? 0,
    jwtAuthorities: bundle?.trust.jwtKeys.length ?? 0,
    documentSha256: document && createHash('sha256').update(document.bytes).digest('hex'),
    ignored: bundle?.ignored ?? [],
    since: instantOrNull(document?.atMs),
    asked: instantOrNull(partner.askedAtMs),
    next: instantOrNull(partner.nextAtMs),
    failures: partner.failures,
    failure: failure ?? null,
    added: rfc3339(row.addedAtMs),
    author: row.author,
    rules: rulesNaming(row.trustDomain, rules),
  };
}

/** Names of the rules that let processes know this trust domain. */
export const rulesNaming = (trustDomain: string, rules: readonly RuleVersion[]): readonly string[] =>
  rules.filter(({ rule }) => !rule.disabled && rule.issue.federatesWith?.includes(trustDomain)).map(({ rule }) => rule.name);

function stateOf({ bundle, document, failure }: Partner): FederationState {
  if (!bundle) return 'none';
  if (failure) return 'failing';
  return document?.fetched ? 'current' : 'given';
}

const instantOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : rfc3339(ms));
