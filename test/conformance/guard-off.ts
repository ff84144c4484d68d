import type { ScratchProject } from '../running/scratch';
import type { Seeded } from '../running/seeded';
import type { Guard } from './guard';
import { type Run, runSuites } from './jest-run';
import type { Suite } from './suites';

/** How the tests fared without one guard. */
export interface GuardOff {
  readonly guard: Guard;
  /** What is wrong with guard or tests; empty where everything failed that has to, and nothing else. */
  readonly faults: readonly string[];
  readonly failed: number;
}

/** One guard in ten, at least one. */
export const tenth = (guards: readonly Guard[], seeded: Seeded): readonly Guard[] =>
  seeded.shuffled(guards).slice(0, Math.ceil(guards.length / 10));

/**
 * Takes one guard out of the copy and runs what can notice: the suites that import its source, and for a rule that none of those
 * carries, the ones that do by starting the program.
 */
export async function guardOff(project: ScratchProject, guard: Guard, suites: readonly Suite[]): Promise<GuardOff> {
  const putBack = project.without(...guard.patches);
  try {
    const run = await runSuites(project.root, affected(guard, suites));
    return { guard, faults: faultsOf(guard, run), failed: run.tests.filter(({ state }) => state === 'failed').length };
  } finally {
    putBack();
  }
}

/** The suites that can notice that a guard is gone. */
export function affected(guard: Guard, suites: readonly Suite[]): readonly Suite[] {
  const importing = suites.filter(({ sources, starts }) => !starts && guard.patches.some(({ file }) => sources.has(file)));
  const unseen = guard.rules.filter((rule) => !importing.some(({ rules }) => rules.has(rule)));
  return suites.filter((suite) => importing.includes(suite) || unseen.some((rule) => suite.rules.has(rule)));
}

/** What a run without the guard shows to be wrong. */
export function faultsOf(guard: Guard, { tests, broken }: Run): readonly string[] {
  const failed = tests.filter(({ state }) => state === 'failed');
  const missed = guard.rules.filter((rule) => !failed.some(({ rules }) => rules.includes(rule)));
  const expected = new Set([...guard.rules, ...(guard.sharedBy ?? [])]);
  const others = failed.filter(({ rules }) => rules.length > 0 && !rules.some((rule) => expected.has(rule)));
  return [
    ...broken.map(({ file, why }) => `${file} does not run without it: ${why.split('\n').find((line) => line.trim() !== '') ?? ''}`),
    ...missed.map((rule) => `no test of ${rule} fails without it`),
    ...others.map(({ rules, title }) => `${rules.join(', ')} fails with it: ${title}`),
  ];
}
