import type { ProcessAssurance } from './assurance';
import { CONFIGURATION } from './configuration';
import type { FactIndex } from './facts';
import { rfc3339 } from './instant';
import type { Chain, LaunchRow } from './lineage';

/** What the evidence of a credential says about the hops of its trace, beside what stands in their rows; null where it does not hold. */

/** What governed the agent when it got the credential, and when that first changed, before or since. From then on no digest counts. */
export function governedBy({ credential, governed }: Chain, facts: FactIndex | null) {
  const [digest] = facts?.of(CONFIGURATION) ?? [];
  const changedAtMs = governed?.changedAtMs ?? null;
  const doubted = changedAtMs !== null && changedAtMs <= credential.recordedAtMs;
  return {
    configurationSha256: digest?.value ?? null,
    configurationAssurance: digest === undefined ? null : doubted ? 'declared' : digest.assurance,
    configurationChangedAt: changedAtMs === null ? null : rfc3339(changedAtMs),
  };
}

/** The launch is the node's own record; what it says of the program is the launcher's word until that program was seen running. */
export const launchAssurance = (facts: FactIndex | null): ProcessAssurance =>
  facts?.of('launch.sha256')[0]?.assurance === 'measured' ? 'measured' : 'observed';

/**
 * What the launcher said of the domain around its launch. No kernel shows a domain, but one that an ordinary user entered comes with
 * no_new_privs: a process seen without it belies what was said.
 */
export function confinementOfLaunch({ confinement }: LaunchRow, facts: FactIndex | null) {
  if (confinement.kind === 'none') return { confinement: 'none', confinementReason: confinement.reason };
  const contradicted = facts?.of('launch.confinement')[0]?.value === 'contradicted';
  return { confinement: contradicted ? 'contradicted' : 'domain', confinementReason: null };
}

/** What was measured before the program ran, and what of it was another when this credential was given out. */
export function measuredOfLaunch({ measures }: LaunchRow, facts: FactIndex | null) {
  const changed = facts?.of('launch.changed') ?? [];
  return {
    script: measures.script?.path ?? null,
    scriptSha256: measures.script?.sha256 ?? null,
    package: measures.package?.name ?? null,
    packageSha256: measures.package?.sha256 ?? null,
    lockSha256: measures.package?.lockSha256 ?? null,
    configurationSha256: measures.configuration?.sha256 ?? null,
    unchanged: facts?.of('launch.unchanged')[0]?.value ?? 'unknown',
    changed: changed.map(({ value }) => value).join(' '),
  };
}
