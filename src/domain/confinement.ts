/** What stands between a launch and everything else of the same user. Said by the launcher: no kernel shows it of another process. */
export type Confinement = { readonly kind: 'domain' } | { readonly kind: 'none'; readonly reason: NoDomainReason };

/**
 * Why a launch has no domain. `asked`: with `--no-confine`. `kernel`: it has no Landlock scopes (they came with Linux 6.12). `disabled`: it
 * has them and was booted without. `unsaid`: its launcher said nothing about it.
 */
export const NO_DOMAIN_REASONS = ['asked', 'kernel', 'disabled', 'unsaid'] as const;
export type NoDomainReason = (typeof NO_DOMAIN_REASONS)[number];

export const DOMAIN: Confinement = { kind: 'domain' };
export const noDomain = (reason: NoDomainReason): Confinement => ({ kind: 'none', reason });

/** As it stands in messages and in the launch's row: `domain`, or the reason there is none. */
export const confinementWord = (confinement: Confinement): string => (confinement.kind === 'domain' ? 'domain' : confinement.reason);

/** The reverse; a word that is not known says nothing. */
export function confinementOf(word: string): Confinement {
  if (word === 'domain') return DOMAIN;
  return noDomain(NO_DOMAIN_REASONS.find((reason) => reason === word) ?? 'unsaid');
}
