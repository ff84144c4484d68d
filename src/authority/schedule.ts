import { lastUseMs } from '../domain/authority-life';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';

/** How long authorities live and how far ahead their successors are published. */
export interface AuthoritySettings {
  /** By what they sign. */
  readonly lifetimeMs: Readonly<Record<'x509' | 'jwt', number>>;
  /** A successor signs nothing until it has been in the bundle for this long. */
  readonly propagationMs: number;
  readonly refreshHintSeconds: number;
}

/**
 * Throws E_CONFIG for settings that leave no time to hand over: a successor is published for the propagation time within a quarter of a
 * lifetime, and verifiers that read the bundle again when it tells them to have seen it by then.
 */
export function checkAuthoritySettings({ lifetimeMs, propagationMs, refreshHintSeconds }: AuthoritySettings): void {
  const refuse = (saw: string, why: string) => {
    throw new MandateError('E_CONFIG', { saw, why });
  };
  for (const kind of ['x509', 'jwt'] as const) {
    const lifetime = lifetimeMs[kind];
    if (!Number.isSafeInteger(lifetime) || lifetime <= 0 || lifetime % 1000 !== 0)
      refuse(`a lifetime of ${lifetime} ms for ${kind} authorities`, 'it is a whole number of seconds');
    if (!(propagationMs >= 0 && propagationMs <= lifetime / 8))
      refuse(`a propagation time of ${propagationMs} ms`, `an eighth of a lifetime (${kind}: ${lifetime} ms) is the most`);
  }
  if (!(refreshHintSeconds >= 1 && refreshHintSeconds * 1000 <= propagationMs))
    refuse(`a refresh hint of ${refreshHintSeconds} s`, `the propagation time (${propagationMs} ms) is the most`);
}

/** The next thing to do for the authorities of one kind. */
export type Step =
  { readonly do: 'prepare' } | { readonly do: 'activate' | 'retire' | 'taint' | 'revoke' | 'hasten'; readonly keyId: string };

/**
 * Whether there has to be an authority of a kind: at all times, or because rules ask for it. One that nobody needs lives to its end without a
 * successor.
 */
export type Need = 'always' | 'asked' | 'none';

export const needOf = (kind: AuthorityKind, rs256: boolean): Need => (kind !== 'jwt-rs256' ? 'always' : rs256 ? 'asked' : 'none');

/** What verifiers know of the bundle, and when. */
export interface Publication {
  readonly propagationMs: number;
  /** Verifiers read the bundle again after that. */
  readonly refreshHintMs: number;
  /** Since when a key is published, as far as this process has seen it. */
  readonly publishedAtMs: (keyId: string) => number | undefined;
}

/**
 * Decides what is due, one step at a time, for all authorities of one kind. A successor is prepared at half life of the active one and
 * takes over at three quarters, earlier where an administrator rotates, or when the active one has ended or is tainted. Only the last does
 * not wait until it is published: nothing else could be issued. The first one that rules ask for waits, since nobody was served by another. A
 * tainted one is revoked when verifiers know the one in its place, see `revocationAtMs`. Returns undefined where nothing is due.
 */
export function nextStep(rows: readonly AuthorityRow[], nowMs: number, publication: Publication, need: Need): Step | undefined {
  const active = rows.filter((row) => row.stage === 'active').sort(newestFirst((row) => row.activatedAtMs ?? 0));
  const [current, ...replaced] = active;
  // Two are active when a crash came between taking over and stepping down.
  const leftOver = replaced[0] ?? rows.find((row) => row.stage === 'prepared' && row.notAfterMs <= nowMs);
  if (leftOver) return { do: 'retire', keyId: leftOver.keyId };
  const [successor] = rows.filter((row) => row.stage === 'prepared').sort(newestFirst((row) => row.preparedAtMs));
  const spent = current === undefined || current.notAfterMs <= nowMs;
  if (!successor && need !== 'none' && (spent || nowMs >= partOfLife(current, 1 / 2))) return { do: 'prepare' };
  if (!successor && current && spent) return { do: 'retire', keyId: current.keyId };
  const due = successor && (!current || successor.early || nowMs >= partOfLife(current, 3 / 4));
  const missed = spent && (need === 'always' || current !== undefined || rows.some(signedAndTainted));
  if (due && (missed || nowMs >= readyAtMs(successor, publication))) return { do: 'activate', keyId: successor.keyId };
  const useless = rows.find((row) => row.stage === 'tainted' && revocationAtMs(row, spent ? undefined : current, publication) <= nowMs);
  return useless && { do: 'revoke', keyId: useless.keyId };
}

/** From when on a prepared one may take over; infinity where nobody has seen it published. */
export const readyAtMs = ({ keyId }: AuthorityRow, { propagationMs, publishedAtMs }: Publication): number =>
  (publishedAtMs(keyId) ?? Infinity) + propagationMs;

/**
 * When a tainted one is revoked without an order. Whoever has its key can sign anything with any end, so it is not waited until what was issued
 * has expired: only until verifiers had the time to read the bundle with the active one (`replacement`) in it. Without one it stays, since
 * nothing else is valid.
 */
export function revocationAtMs(
  tainted: AuthorityRow,
  replacement: AuthorityRow | undefined,
  { refreshHintMs, publishedAtMs }: Publication,
): number {
  const knownAtMs = (replacement && publishedAtMs(replacement.keyId)) ?? Infinity;
  return Math.min(lastUseMs(tainted), Math.max(tainted.taintedAtMs ?? Infinity, knownAtMs) + refreshHintMs);
}

/**
 * True while verifiers need the authority: from preparation until the last SVID that it can have signed has expired. One that never
 * signed is not needed once it is retired; a revoked one is not trusted, whatever it signed.
 */
export function isPublished(row: AuthorityRow, nowMs: number): boolean {
  if (row.stage === 'revoked') return false;
  if (row.notAfterMs <= nowMs) return row.stage === 'active';
  return row.stage !== 'retired' || nowMs < lastUseMs(row);
}

const signedAndTainted = ({ stage, activatedAtMs }: AuthorityRow): boolean => stage === 'tainted' && activatedAtMs !== null;

/** Counted from when it was made: its validity begins earlier, for verifiers whose clocks are behind. */
const partOfLife = (row: AuthorityRow, part: number): number => row.preparedAtMs + (row.notAfterMs - row.preparedAtMs) * part;

const newestFirst =
  (at: (row: AuthorityRow) => number) =>
  (a: AuthorityRow, b: AuthorityRow): number =>
    at(b) - at(a) || (a.keyId < b.keyId ? -1 : 1);
