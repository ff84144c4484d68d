import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Suite } from './suites';
import { ANY_RULE, rulesOf } from './titles';

/** One test that ran, or was left out on this machine. */
export interface TestResult {
  readonly file: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly state: 'passed' | 'failed' | 'skipped';
}

export interface Run {
  readonly tests: readonly TestResult[];
  /** Suites of which no test ran, with what was said. */
  readonly broken: readonly { readonly file: string; readonly why: string }[];
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly title: string; readonly status: string }[];
  }[];
}

const STATES: Readonly<Record<string, TestResult['state']>> = { passed: 'passed', failed: 'failed' };
const MAX_SAID = 4000;

/** Runs the suites of a project folder, whole. Throws where jest gave no report. */
export const runSuites = (root: string, suites: readonly Suite[]): Promise<Run> => jestRun(root, suites, []);

/**
 * The same, but without tests that carry no rule where each test stands for itself; one that starts the program, or shares a database,
 * may live on what those before it did.
 */
export async function runRules(root: string, suites: readonly Suite[]): Promise<Run> {
  const whole = suites.filter(({ starts, database }) => starts || database);
  const rest = suites.filter((suite) => !whole.includes(suite));
  // Without a guard a test may leave behind what it would have ended.
  const ends = ['--forceExit'];
  return both(await jestRun(root, whole, ends), await jestRun(root, rest, [...ends, '--testNamePattern', ANY_RULE]));
}

export const both = (a: Run, b: Run): Run => ({ tests: [...a.tests, ...b.tests], broken: [...a.broken, ...b.broken] });

async function jestRun(root: string, suites: readonly Suite[], options: readonly string[]): Promise<Run> {
  if (suites.length === 0) return { tests: [], broken: [] };
  const folder = mkdtempSync(path.join(tmpdir(), 'mandate-conformance-'));
  const outputFile = path.join(folder, 'report.json');
  try {
    // The shared PostgreSQL takes longer than most suites; nobody else needs it.
    const shared = suites.some(({ database }) => database) ? [] : ['--globalSetup', NOTHING, '--globalTeardown', NOTHING];
    const said = await jest(root, [
      '--json',
      '--outputFile',
      outputFile,
      ...options,
      ...shared,
      ...suites.map(({ file }) => path.join(root, file)),
    ]);
    return readReport(outputFile, root, said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const NOTHING = path.join(__dirname, 'nothing.js');

/** What it said on standard error, from its end. */
function jest(root: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = path.join(root, 'node_modules/jest/bin/jest.js');
    const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MAX_SAID)));
    child.once('error', reject);
    const end = () => child.kill();
    process.once('exit', end);
    child.once('close', () => {
      process.off('exit', end);
      resolve(said);
    });
  });
}

function readReport(file: string, root: string, said: string): Run {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    throw new Error(`jest gave no report:\n${said}`);
  }
  const results = report.testResults.map((result) => ({ ...result, file: path.relative(root, result.name) }));
  return {
    tests: results.flatMap(({ file: suite, assertionResults }) =>
      assertionResults.map(({ ancestorTitles, title, status }) => ({
        file: suite,
        title,
        rules: rulesOf([...ancestorTitles, title]),
        state: STATES[status] ?? 'skipped',
      })),
    ),
    broken: results.flatMap(({ file: suite, message, assertionResults }) =>
      assertionResults.length === 0 ? [{ file: suite, why: message.slice(0, MAX_SAID) }] : [],
    ),
  };
}
