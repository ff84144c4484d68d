/**
 * Who holds the client's end of the connections of one process, as the node saw it. `sole`: it, and no other process of the machine.
 * Every other word says that this is not so, or not known, and counts alike.
 */
export type Holding = 'sole' | 'shared' | 'in-flight' | 'unreadable' | 'unheld' | 'unsettled' | 'too-many';

export interface Holders {
  readonly holding: Holding;
  /** The processes that the word is about: who else holds it, whose socket has descriptors on the way, who may not be read. Ascending. */
  readonly pids: readonly number[];
}

/** Selector types of the facts that say it. They are no selectors of a rule: `require.connection` asks for them. */
export const HOLDERS_FACT = 'connection.holders';
export const OTHER_PID_FACT = 'connection.other_pid';

/** Most pids that are named. */
export const MAX_NAMED_PIDS = 16;

/** In words for people: `shared with pid 41, 42`. */
export function holdersText(holding: string, pids: readonly string[]): string {
  if (pids.length === 0) return holding;
  return `${holding}${holding === 'shared' ? ' with' : ':'} pid ${pids.join(', ')}`;
}
