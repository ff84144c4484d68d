/** How far `notBefore` lies before the issue: verifiers' clocks differ a little. */
export const BACKDATE_MS = 10_000;

export interface ValidityInput {
  readonly issuedAtMs: number;
  readonly ttlSeconds: number;
  readonly authorityNotAfterMs: number;
  /** Infinity where no delegation bounds it. */
  readonly delegationEndsAtMs: number;
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * The validity of a credential in whole seconds, as X.509 and JWT encode it: from ten seconds before the issue to the earliest of
 * lifetime, authority and delegation, both rounded down so that no bound is exceeded. Null where nothing is left (E_LIFETIME).
 */
export function validity(input: ValidityInput): Validity | null {
  const { issuedAtMs, ttlSeconds } = input;
  const notAfterMs = wholeSeconds(Math.min(issuedAtMs + ttlSeconds * 1000, input.authorityNotAfterMs, input.delegationEndsAtMs));
  // Written so that NaN anywhere leaves nothing.
  return notAfterMs > issuedAtMs ? { notBeforeMs: wholeSeconds(issuedAtMs - BACKDATE_MS), notAfterMs } : null;
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** Share of a lifetime by which rotation moves either way, so that what started together does not rotate together. */
const JITTER = 0.1;

/**
 * When to replace a credential: at half of its life from the issue, moved by up to ±10 % of that by `jitter01` (0 to 1, drawn once per
 * credential). Compare it with the wall clock often; one long timer stops while the machine sleeps.
 */
export function rotationAt(issuedAtMs: number, notAfterMs: number, jitter01: number): number {
  const lifeMs = Math.max(0, notAfterMs - issuedAtMs);
  const jitter = Math.min(1, Math.max(0, jitter01));
  return issuedAtMs + Math.floor((lifeMs / 2) * (1 + JITTER * (2 * jitter - 1)));
}

export interface Issue {
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
}

/**
 * False where a successor does not live longer than what it replaced although it was issued a second later or more: authority or delegation
 * end first then, and asking again and again would change nothing. Within one second the ends say nothing, since they are whole seconds.
 */
export const worthRotating = (replaced: Issue, successor: Issue): boolean =>
  successor.notAfterMs > replaced.notAfterMs || successor.issuedAtMs - replaced.issuedAtMs < 1000;

const RETRY_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const;

/**
 * Milliseconds until the server is asked again after so many attempts in vain: more each time, but several times more before what is held
 * expires in `leftMs`, which is Infinity where nothing is.
 */
export function retryDelayMs(attempts: number, leftMs: number): number {
  const usualMs = RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)]!;
  return Math.min(usualMs, Math.max(RETRY_MS[0], leftMs / 4));
}
