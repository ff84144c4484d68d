/** One statement of a manifest as it was accepted: the hashes it lists, as a rule compares them with a fact. */
export interface AcceptedStatement {
  readonly version: number;
  readonly acceptedAtMs: number;
  readonly expiresAtMs?: number;
  readonly admits: readonly string[];
}

/** What a manifest admits at one moment under one grace. */
export interface ManifestStanding {
  /** Of the newest statement. */
  readonly version: number;
  /** It has: what it still admits, it admits in grace. */
  readonly expired: boolean;
  readonly admits: ReadonlySet<string>;
  /** When the next hash is admitted no longer; undefined where time alone changes nothing. */
  readonly changesAtMs: number | undefined;
}

/**
 * Every hash of the newest statement, and those that a newer one left out less than `graceSeconds` ago. A hash is left out when the first
 * statement without it was accepted after the last one that listed it, or when that last one expired. Statements come newest first;
 * undefined where there is none.
 */
export function manifestStanding(
  statements: readonly AcceptedStatement[],
  graceSeconds: number,
  nowMs: number,
): ManifestStanding | undefined {
  const [newest] = statements;
  if (!newest) return undefined;
  const admits = new Set<string>();
  const seen = new Set<string>();
  let changesAtMs: number | undefined;
  let followedAtMs = Infinity;
  for (const { acceptedAtMs, expiresAtMs, admits: listed } of statements) {
    const endsAtMs = Math.min(followedAtMs, expiresAtMs ?? Infinity) + graceSeconds * 1000;
    // Without a grace no clock that went back brings a hash back that was left out.
    const over = nowMs >= endsAtMs || (graceSeconds === 0 && followedAtMs < Infinity);
    for (const hash of listed) {
      // Listed by a newer statement as well: that one decides.
      if (seen.has(hash)) continue;
      seen.add(hash);
      if (over) continue;
      admits.add(hash);
      if (endsAtMs < Infinity) changesAtMs = Math.min(changesAtMs ?? Infinity, endsAtMs);
    }
    followedAtMs = acceptedAtMs;
  }
  return { version: newest.version, expired: hasExpired(newest, nowMs), admits, changesAtMs };
}

/** True from the instant on that the statement names. */
export const hasExpired = ({ expiresAtMs }: { readonly expiresAtMs?: number }, nowMs: number): boolean =>
  expiresAtMs !== undefined && nowMs >= expiresAtMs;
