/** One statement of a manifest as it was accepted: the hashes it lists, as a rule compares them with a fact. */
export interface AcceptedStatement {
  readonly version: number;
  readonly acceptedAtMs: number;
  readonly admits: readonly string[];
}

/** What a manifest admits at one moment under one grace. */
export interface ManifestStanding {
  /** Of the newest statement. */
  readonly version: number;
  readonly admits: ReadonlySet<string>;
  /** When the grace of the next hash ends; undefined where time alone changes nothing. */
  readonly changesAtMs: number | undefined;
}

/**
 * Every hash of the newest statement, and those that a newer one left out less than `graceSeconds` ago. A hash is left out when the first
 * statement without it was accepted after the last one that listed it. Statements come newest first; undefined where there is none.
 */
export function manifestStanding(
  statements: readonly AcceptedStatement[],
  graceSeconds: number,
  nowMs: number,
): ManifestStanding | undefined {
  const [newest] = statements;
  if (!newest) return undefined;
  const admits = new Set(newest.admits);
  const seen = new Set(newest.admits);
  let changesAtMs: number | undefined;
  let leftAtMs = newest.acceptedAtMs;
  for (const { acceptedAtMs, admits: listed } of statements.slice(1)) {
    const endsAtMs = leftAtMs + graceSeconds * 1000;
    for (const hash of listed) {
      // Listed by a newer statement as well: it was left out later, or not at all.
      if (seen.has(hash)) continue;
      seen.add(hash);
      // Without a grace no clock that went back brings a hash back either.
      if (graceSeconds === 0 || nowMs >= endsAtMs) continue;
      admits.add(hash);
      changesAtMs = Math.min(changesAtMs ?? Infinity, endsAtMs);
    }
    leftAtMs = acceptedAtMs;
  }
  return { version: newest.version, admits, changesAtMs };
}
