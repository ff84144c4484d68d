import type { Patch } from '../running/scratch';

/** Something that a rule rests on, and the edit that takes it out of a copy. */
export interface Guard {
  /** What the product does without it. */
  readonly without: string;
  /** Each of these has a test that fails then. */
  readonly rules: readonly string[];
  /** Rules that rest on it too: their tests may fail. Those of any other rule may not. */
  readonly sharedBy?: readonly string[];
  readonly patches: readonly Patch[];
}

/** A guard of one edit. */
export const guard = (
  rules: string,
  without: string,
  file: string,
  [from, to]: readonly [from: string, to: string],
  sharedBy = '',
): Guard => ({ without, rules: names(rules), sharedBy: names(sharedBy), patches: [{ file, edits: [[from, to]] }] });

export const names = (text: string): readonly string[] => text.split(' ').filter((name) => name !== '');

/** The sources that guards of each rule are taken out of. */
export function guardedFiles(guards: readonly Guard[]): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const { rules, patches } of guards)
    for (const rule of rules) files.set(rule, [...new Set([...(files.get(rule) ?? []), ...patches.map(({ file }) => file)])]);
  return files;
}
