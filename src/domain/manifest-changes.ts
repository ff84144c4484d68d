import type { ManifestEntry } from './manifest';

/** How the entries of one statement differ from those of another, each list by name. */
export interface EntryChanges {
  readonly added: readonly ManifestEntry[];
  readonly removed: readonly ManifestEntry[];
  readonly changed: readonly { readonly name: string; readonly before: string; readonly after: string }[];
}

export function entryChanges(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): EntryChanges {
  const old = new Map(before.map(({ name, sha256 }) => [name, sha256]));
  const kept = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !old.has(name)),
    removed: before.filter(({ name }) => !kept.has(name)),
    changed: after.flatMap(({ name, sha256 }) => {
      const was = old.get(name);
      return was === undefined || was === sha256 ? [] : [{ name, before: was, after: sha256 }];
    }),
  };
}
