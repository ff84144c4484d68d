import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../running/installation';
import { rulesIn } from './titles';

/** A test file whose tests carry rules. */
export interface Suite {
  /** From the root of the project, as all files here. */
  readonly file: string;
  /** Rules that stand in its titles, or in tables of titles that it imports. */
  readonly rules: ReadonlySet<string>;
  /** Itself and every source it imports, however far. */
  readonly sources: ReadonlySet<string>;
  /** Those that it names itself. */
  readonly near: ReadonlySet<string>;
  /** True where it starts the built program: what it shows of a source is not seen in its imports. */
  readonly starts: boolean;
  /** True where it asks the PostgreSQL that all test files share. */
  readonly database: boolean;
}

/** Examples of titles, not titles. */
const HARNESS = /^test\/conformance\//;
const STARTS = 'test/running/installation.ts';
const DATABASE = 'test/fresh-database.ts';

/** Every suite that carries rules in its titles, or in tables of them that it imports from the tests. */
export function carryingSuites(): readonly Suite[] {
  const texts = new Map<string, string>();
  const textOf = (file: string): string => {
    const text = texts.get(file) ?? readFileSync(path.join(ROOT, file), 'utf8');
    texts.set(file, text);
    return text;
  };
  return ['test', 'attestors'].flatMap(testsBelow).flatMap((file) => {
    const sources = closure(file, textOf);
    const own = [...sources].filter((source) => source === file || source.startsWith('test/'));
    const titled = own.filter((source) => !HARNESS.test(source));
    const near = new Set(importsOf(file, textOf));
    const rules = new Set(titled.flatMap((source) => rulesIn(textOf(source))));
    return rules.size === 0 ? [] : [{ file, rules, sources, near, starts: sources.has(STARTS), database: sources.has(DATABASE) }];
  });
}

/** As jest finds them: interop and the fault trials are programs of their own. */
const testsBelow = (folder: string): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !/^(interop|faults)\//.test(name))
    .map((name) => path.join(folder, name))
    .sort();

/** What is imported for its types is not there when a test runs: a guard that is taken out of it is not missed. */
const TYPES_ALONE = /^(?:import|export) type [^;']*'[^']*';$/gm;
const IMPORT = /(?:from|import\(|import|require\()\s*'(\.{1,2}\/[^']+)'/g;

/** The sources that one names. */
const importsOf = (file: string, textOf: (file: string) => string): readonly string[] =>
  [...textOf(file).replace(TYPES_ALONE, '').matchAll(IMPORT)]
    .map(([, target]) => `${path.join(path.dirname(file), target as string)}.ts`)
    .filter((source) => existsSync(path.join(ROOT, source)));

function closure(from: string, textOf: (file: string) => string): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    importsOf(file, textOf).forEach(visit);
  };
  visit(from);
  return seen;
}
