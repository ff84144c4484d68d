import type { AttackCase, Obtained } from './attack-case';

/** Won with an identity below this path. */
export const identityAt =
  (path: string): NonNullable<AttackCase['won']> =>
  (obtained) =>
    obtained.kind === 'identity' && obtained.spiffeIds.some((id) => pathOf(id) === path || pathOf(id).startsWith(`${path}/`));

/** Won by keeping the trusted programs from what is theirs. */
export const trustedIsRefused: NonNullable<AttackCase['won']> = (obtained, field) => !field.isPrize(obtained);

/** How an outcome is shown. */
export function shown(obtained: Obtained): string {
  switch (obtained.kind) {
    case 'identity':
      return obtained.spiffeIds.map(pathOf).join(' ');
    case 'refused':
      return obtained.code;
    case 'deed':
      return obtained.what;
    case 'nothing':
      return obtained.why.trim();
  }
}

const pathOf = (spiffeId: string): string => spiffeId.replace(/^spiffe:\/\/[^/]*/, '');
