import type { Bundle } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import { JWT_ALGORITHM_OF, jwtKeyOf } from '../domain/jwt-key';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import { type JwtAuthority, type JwtAuthorityRow, openJwtAuthority } from './jwt-authority';
import type { SigningKey } from './signing-key';
import { openX509Authority, type X509Authority } from './x509-authority';

/** The authorities that sign now. */
export interface Signers {
  readonly x509: X509Authority;
  readonly jwt: JwtAuthority;
  /** Undefined where none was asked for, or verifiers do not know it yet. */
  readonly rs256: JwtAuthority | undefined;
}

/** What readers see, replaced as a whole. */
export interface InForce extends Signers {
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
    const key = row.kind === 'x509' ? undefined : jwtKeyOf(JWT_ALGORITHM_OF[row.kind], row.public);
    return key ? [Object.freeze({ kid: row.keyId, ...key })] : [];
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

/** True where an authority is active for each kind of SVID, but that of RS256, which need not be there. */
export const everySvidIsSigned = (rows: readonly AuthorityRow[]): boolean =>
  activeOf(rows, 'x509') !== undefined && activeOf(rows, 'jwt') !== undefined;

/** The active ones among published authorities; who signed `before` stays the same object. Throws as opening them does. */
export async function openSigners(
  rows: readonly AuthorityRow[],
  before: Signers | undefined,
  keyOf: (row: AuthorityRow) => Promise<SigningKey>,
  trustDomain: string,
): Promise<Signers> {
  const [x509, jwt, rs256] = [activeOf(rows, 'x509'), activeOf(rows, 'jwt'), activeOf(rows, 'jwt-rs256')];
  if (!x509 || !jwt) throw new MandateError('E_INTERNAL', { saw: 'no active authority' });
  const jwtOf = async (row: JwtAuthorityRow & AuthorityRow, known: JwtAuthority | undefined) =>
    known?.keyId === row.keyId ? known : openJwtAuthority(row, await keyOf(row));
  return {
    x509: before?.x509.keyId === x509.keyId ? before.x509 : openX509Authority(x509.public, await keyOf(x509), trustDomain),
    jwt: await jwtOf(jwt, before?.jwt),
    rs256: rs256 && (await jwtOf(rs256, before?.rs256)),
  };
}

const activeOf = <K extends AuthorityKind>(rows: readonly AuthorityRow[], kind: K): (AuthorityRow & { readonly kind: K }) | undefined =>
  rows.find((row): row is AuthorityRow & { readonly kind: K } => row.kind === kind && row.stage === 'active');

/** By age, so that equal content is published in equal order. */
export const publicationOrder = (a: AuthorityRow, b: AuthorityRow): number =>
  a.preparedAtMs - b.preparedAtMs || (a.keyId < b.keyId ? -1 : 1);
