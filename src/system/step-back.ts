import { constants, getPriority, setPriority } from 'node:os';

/** As in nice(1); on Linux it holds for the calling thread alone. */
const LESS_THAN_THE_MAIN_THREAD = 5;

/**
 * Lets the main thread go first: whoever is known already is served by it, on the same processors. Without this the scheduler often puts the thread that is
 * woken onto the processor of the main thread, which then waits until all is read that it was to be read beside. Beside what the node was
 * started with: an ordinary user may not go back up.
 */
export function stepBack(): void {
  setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + LESS_THAN_THE_MAIN_THREAD));
}
