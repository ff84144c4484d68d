import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import { MAX_JWT_TTL_SECONDS, MAX_X509_TTL_SECONDS } from '../domain/rule';

/** How long authorities live and how far ahead their successors are published. */
export interface AuthoritySettings {
  readonly lifetimeMs: Readonly<Record<AuthorityKind, number>>;
  /** A successor signs nothing until it has been in the bundle for this long. */
  readonly propagationMs: number;
  readonly refreshHintSeconds: number;
}

const DAY_MS = 24 * 3600 * 1000;

export const DEFAULT_AUTHORITY_SETTINGS: AuthoritySettings = {
  lifetimeMs: { x509: 14 * DAY_MS, jwt: 14 * DAY_MS },
  propagationMs: 5 * 60 * 1000,
  refreshHintSeconds: 60,
};

/** Longest lifetime of what an authority signs. */
const LONGEST_MS: Readonly<Record<AuthorityKind, number>> = { x509: MAX_X509_TTL_SECONDS * 1000, jwt: MAX_JWT_TTL_SECONDS * 1000 };

/** Throws E_CONFIG for lifetimes that leave no time to hand over: below six times the longest SVID. */
export function checkAuthoritySettings(settings: AuthoritySettings): void {
  for (const kind of ['x509', 'jwt'] as const) {
    const least = 6 * LONGEST_MS[kind];
    const lifetime = settings.lifetimeMs[kind];
    if (!Number.isSafeInteger(lifetime) || lifetime < least || lifetime % 1000 !== 0) {
      throw new MandateError('E_CONFIG', { saw: `a lifetime of ${lifetime} ms for ${kind} authorities`, why: `${least} ms is the least` });
    }
    if (!(settings.propagationMs >= 0 && settings.propagationMs <= lifetime / 8))
      throw new MandateError('E_CONFIG', {
        saw: `a propagation time of ${settings.propagationMs} ms`,
        why: 'an eighth of a lifetime is the most',
      });
  }
}

/** The next thing to do for the authorities of one kind. */
export type Step =
  { readonly do: 'prepare' } | { readonly do: 'activate'; readonly keyId: string } | { readonly do: 'retire'; readonly keyId: string };

/**
 * Decides what is due, one step at a time, for all authorities of one kind. A successor is prepared at half life of the active one and
 * takes over at three quarters, or when the active one has ended, in both cases only once it is published; `publishedAtMs` says since
 * when, as far as this process has seen it. Returns undefined where nothing is due.
 */
export function nextStep(
  rows: readonly AuthorityRow[],
  nowMs: number,
  propagationMs: number,
  publishedAtMs: (keyId: string) => number | undefined,
): Step | undefined {
  const active = rows.filter((row) => row.stage === 'active').sort(newestFirst((row) => row.activatedAtMs ?? 0));
  const [current, ...replaced] = active;
  // Two are active when a crash came between taking over and stepping down.
  const leftOver = replaced[0] ?? rows.find((row) => row.stage === 'prepared' && row.notAfterMs <= nowMs);
  if (leftOver) return { do: 'retire', keyId: leftOver.keyId };
  const [successor] = rows.filter((row) => row.stage === 'prepared').sort(newestFirst((row) => row.preparedAtMs));
  const spent = current === undefined || current.notAfterMs <= nowMs;
  if (!successor) return spent || nowMs >= partOfLife(current, 1 / 2) ? { do: 'prepare' } : undefined;
  if (spent) return { do: 'activate', keyId: successor.keyId };
  const published = publishedAtMs(successor.keyId);
  const known = published !== undefined && nowMs - published >= propagationMs;
  return known && nowMs >= partOfLife(current, 3 / 4) ? { do: 'activate', keyId: successor.keyId } : undefined;
}

/**
 * True while verifiers need the authority: from preparation until the last SVID that it can have signed has expired. One that never
 * signed is not needed once it is retired.
 */
export function isPublished(row: AuthorityRow, nowMs: number): boolean {
  if (row.notAfterMs <= nowMs) return row.stage === 'active';
  if (row.stage !== 'retired') return true;
  return row.activatedAtMs !== null && nowMs < (row.retiredAtMs ?? 0) + LONGEST_MS[row.kind];
}

const partOfLife = (row: AuthorityRow, part: number): number => row.notBeforeMs + (row.notAfterMs - row.notBeforeMs) * part;

const newestFirst =
  (at: (row: AuthorityRow) => number) =>
  (a: AuthorityRow, b: AuthorityRow): number =>
    at(b) - at(a) || (a.keyId < b.keyId ? -1 : 1);
