/** A partner that says nothing is asked every five minutes (SPIFFE Federation §6.2). */
export const DEFAULT_HINT_SECONDS = 300;
/** Nobody is asked more often, whatever it wishes; and at least daily, so that a key it gave up does not live on here for a year. */
export const MIN_POLL_SECONDS = 60;
export const MAX_POLL_SECONDS = 24 * 3600;
/** Failures lengthen the wait up to here, where the interval itself is not longer. */
const MAX_BACK_OFF_SECONDS = 3600;
/** The first poll after a start comes within this time, not all at once. */
const FIRST_POLL_MS = 5_000;

/** Seconds between two polls of a partner whose bundle has this refresh hint. */
export const pollIntervalSeconds = (hintSeconds: number | undefined): number =>
  Math.min(MAX_POLL_SECONDS, Math.max(MIN_POLL_SECONDS, hintSeconds ?? DEFAULT_HINT_SECONDS));

/**
 * Milliseconds until the next poll after `failures` in a row. `draw` is uniform in [0, 1]: up to a tenth sooner, so that installations
 * that were started together do not ask together, and none asks later than the partner wishes.
 */
export function pollDelayMs(hintSeconds: number | undefined, failures: number, draw: number): number {
  const interval = pollIntervalSeconds(hintSeconds);
  const most = Math.max(interval, MAX_BACK_OFF_SECONDS);
  const seconds = Math.min(most, interval * 2 ** Math.min(Math.max(0, failures - 1), 10));
  return Math.round(seconds * 1000 * (1 - 0.1 * draw));
}

/** Milliseconds until the first poll of a partner after the server started. */
export const firstPollMs = (draw: number): number => Math.round(FIRST_POLL_MS * draw);
