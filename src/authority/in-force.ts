import type { Bundle } from '../domain/bundle';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import { p256PointOf } from '../domain/p256';
import type { JwtAuthority } from './jwt-authority';
import type { X509Authority } from './x509-authority';

/** What readers see, replaced as a whole. */
export interface InForce {
  readonly x509: X509Authority;
  readonly jwt: JwtAuthority;
  readonly bundle: Bundle;
  readonly soundX509: readonly string[];
  /** What the bundle was made of. */
  readonly content: string;
}

/** Equal for authorities that give equal bundles. */
export const contentOf = (rows: readonly AuthorityRow[]): string =>
  rows.map(({ keyId, stage }) => (stage === 'tainted' ? `${keyId} tainted` : keyId)).join();

/** The bundle of published authorities in publication order. */
export function bundleOf(rows: readonly AuthorityRow[], trustDomain: string, sequence: number, refreshHintSeconds: number): Bundle {
  const jwt = rows.flatMap((row) => {
    const point = row.kind === 'jwt' ? p256PointOf(row.public) : undefined;
    return point ? [Object.freeze({ kid: row.keyId, point })] : [];
  });
  return Object.freeze({
    trustDomain,
    sequence,
    refreshHintSeconds,
    x509: Object.freeze(rows.filter((row) => row.kind === 'x509').map((row) => row.public)),
    jwt: Object.freeze(jwt),
  });
}

/** Key ids of the X.509 authorities whose SVIDs may stay in use. */
export const soundX509 = (rows: readonly AuthorityRow[]): readonly string[] =>
  Object.freeze(rows.filter(({ kind, stage }) => kind === 'x509' && stage !== 'tainted').map(({ keyId }) => keyId));

export const activeOf = (rows: readonly AuthorityRow[], kind: AuthorityKind): AuthorityRow | undefined =>
  rows.find((row) => row.kind === kind && row.stage === 'active');

/** By age, so that equal content is published in equal order. */
export const publicationOrder = (a: AuthorityRow, b: AuthorityRow): number =>
  a.preparedAtMs - b.preparedAtMs || (a.keyId < b.keyId ? -1 : 1);
