import type { ScratchProject } from '../running/scratch';
import type { Seeded } from '../running/seeded';
import type { Guard } from './guard';
import { both, type Run, runRules } from './jest-run';
import type { Suite } from './suites';

/** How the tests fared without one guard. */
export interface GuardOff {
  readonly guard: Guard;
  /** What is wrong with guard or tests; empty where everything failed that has to, and nothing else. */
  readonly faults: readonly string[];
  readonly failed: number;
  /** The suites that they failed in. */
  readonly noticedBy: readonly Suite[];
}

/** Traps of Node.js have titles of the same form, and are no rules. */
const isOfSpiffe = (rule: string): boolean => !rule.startsWith('NT-');

/** One guard in ten, at least one. */
export const tenth = (guards: readonly Guard[], seeded: Seeded): readonly Guard[] =>
  seeded.shuffled(guards).slice(0, Math.ceil(guards.length / 10));

/**
 * Takes one guard out of the copy and runs what is about its source; then, until each of its rules has failed, what shows them by starting
 * the program.
 */
export async function guardOff(project: ScratchProject, guard: Guard, suites: readonly Suite[]): Promise<GuardOff> {
  const putBack = project.without(...guard.patches);
  try {
    let run = await runRules(project.root, about(guard, suites));
    for (const suite of suites.filter(({ starts }) => starts))
      if (missed(guard, run).some((rule) => suite.rules.has(rule))) run = both(run, await runRules(project.root, [suite]));
    const failed = failedIn(run);
    const noticedBy = suites.filter((suite) => failed.some(({ file }) => file === suite.file));
    return { guard, faults: faultsOf(guard, run), failed: failed.length, noticedBy };
  } finally {
    putBack();
  }
}

/** The suites that name the source of a guard, and those that carry its rule and come to the source by way of others. None starts the program. */
export const about = (guard: Guard, suites: readonly Suite[]): readonly Suite[] =>
  suites.filter(({ starts, near, sources, rules }) => {
    const has = (these: ReadonlySet<string>) => guard.patches.some(({ file }) => these.has(file));
    return !starts && (has(near) || (has(sources) && guard.rules.some((rule) => rules.has(rule))));
  });

/** What a run without the guard shows to be wrong. */
export function faultsOf(guard: Guard, run: Run): readonly string[] {
  const expected = new Set([...guard.rules, ...(guard.sharedBy ?? [])]);
  const others = failedIn(run).filter(({ rules }) => rules.some(isOfSpiffe) && !rules.some((rule) => expected.has(rule)));
  return [
    ...run.broken.map(({ file, why }) => `${file} does not run without it: ${why.split('\n').find((line) => line.trim() !== '') ?? ''}`),
    ...missed(guard, run).map((rule) => `no test of ${rule} fails without it`),
    ...others.map(({ rules, title }) => `${rules.join(', ')} fails with it: ${title}`),
  ];
}

const failedIn = ({ tests }: Run) => tests.filter(({ state }) => state === 'failed');

const missed = (guard: Guard, run: Run): readonly string[] =>
  guard.rules.filter((rule) => !failedIn(run).some(({ rules }) => rules.includes(rule)));
