export type AuthorityStage = 'prepared' | 'active' | 'retired' | 'tainted' | 'revoked';
/** Every stage but that in which an authority begins. */
export type LaterStage = Exclude<AuthorityStage, 'prepared'>;
/** What signs JWT-SVIDs: `jwt` with ES256, `jwt-rs256` with RS256. */
export type JwtAuthorityKind = 'jwt' | 'jwt-rs256';
export type AuthorityKind = 'x509' | JwtAuthorityKind;

export interface AuthorityRow {
  /** X.509: hex of the subject key identifier. JWT: RFC 7638 thumbprint. */
  readonly keyId: string;
  readonly kind: AuthorityKind;
  readonly stage: AuthorityStage;
  /** X.509: certificate DER. JWT: SubjectPublicKeyInfo DER. */
  readonly public: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly preparedAtMs: number;
  readonly activatedAtMs: number | null;
  readonly retiredAtMs: number | null;
  readonly taintedAtMs: number | null;
  readonly revokedAtMs: number | null;
  /** Takes over as soon as it has been published for long enough: an administrator rotates. */
  readonly early: boolean;
}
