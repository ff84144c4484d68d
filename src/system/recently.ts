import type { Clock } from '../domain/ports';

const FRESH_MS = 1_000;
const MAX_KEPT = 1_024;

/**
 * What `ask` says, asked again once a second for each key. For files of the machine that every newcomer is looked up in: an account or a
 * folder that was changed is seen as it is within a second, and a burst of newcomers does not pay for looking. `ask` does not throw.
 */
export function recently<Key extends string | number, Said>(clock: Clock, ask: (key: Key) => Said): (key: Key) => Said {
  const kept = new Map<Key, { readonly said: Said; readonly atMs: number }>();
  return (key) => {
    const nowMs = clock.monotonicMs();
    const known = kept.get(key);
    if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.said;
    const said = ask(key);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, { said, atMs: nowMs });
    return said;
  };
}
