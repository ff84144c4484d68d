import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../running/installation';
import { ScratchProject } from '../running/scratch';
import { Seeded } from '../running/seeded';
import { guardedFiles } from './guard';
import { guardOff, tenth } from './guard-off';
import { GUARDS } from './guards/all';
import { WITHOUT_GUARD } from './guards/none';
import { runRules, runSuites } from './jest-run';
import { familyText, summary } from './print';
import { carryingSuites, type Suite } from './suites';
import { type Family, readTable, withGuards } from './table';
import { judge, unknownRules } from './verdict';

/**
 * `make conformance`: every rule of docs/conformance.md with the tests that carry it. FAMILY=ID,XL chooses; GUARDS=1 takes guards out
 * instead, one in ten by SEED, and GUARDS=all each of them; PAGE=1 writes the guards into the page.
 */
const PAGE = path.join(ROOT, 'docs/conformance.md');
const say = (text: string) => void process.stdout.write(`${text}\n`);
const wanted = (process.env['FAMILY'] ?? '').split(',').filter((name) => name !== '');
const isWanted = (rule: string): boolean => wanted.length === 0 || wanted.includes(rule.slice(0, 2));

/** Ends at once, and what was started with it. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function rules(all: readonly Family[]): Promise<boolean> {
  const families = all.filter(({ id }) => isWanted(id));
  const suites = carryingSuites().filter((suite) => [...suite.rules].some(isWanted));
  process.stderr.write(`running ${suites.length} suites …\n`);
  const { tests, broken } = await runSuites(ROOT, suites);
  const judged = families.map((family) => ({ family, rows: family.rules.map((rule) => judge(rule, tests)) }));
  for (const { family, rows } of judged) say(familyText(family, rows));
  const rows = judged.flatMap((one) => one.rows);
  say(summary(rows));
  const unknown = unknownRules(all, tests);
  for (const id of unknown) say(`✗ ${id} stands in a title and not in docs/conformance.md`);
  for (const { file, why } of broken) say(`✗ ${file} did not run: ${why}`);
  return !rows.some(({ bad }) => bad) && unknown.length === 0 && broken.length === 0;
}

async function guards(every: boolean): Promise<boolean> {
  const seeded = new Seeded(process.env['SEED'] ?? randomBytes(4).toString('hex'));
  const from = GUARDS.filter((one) => one.rules.some(isWanted));
  const chosen = every ? from : tenth(from, seeded);
  say(every ? `every guard: ${chosen.length}` : `seed=${seeded.seed}: ${chosen.length} of ${from.length} guards`);
  const suites = carryingSuites();
  const project = new ScratchProject();
  process.once('exit', () => project.end());
  let good = true;
  const noticed = new Set<Suite>();
  for (const one of chosen) {
    const { faults, failed, noticedBy } = await guardOff(project, one, suites);
    for (const suite of noticedBy) noticed.add(suite);
    good &&= faults.length === 0;
    say(
      `  ${faults.length === 0 ? '✓' : '✗'} ${one.rules.join(', ').padEnd(14)}  ${one.without}: ${failed === 1 ? '1 test fails' : `${failed} tests fail`}`,
    );
    for (const fault of faults) say(`      ${fault}`);
  }
  // What fails anyway was no guard's work.
  const { tests } = await runRules(project.root, [...noticed]);
  for (const { state, rules: carried, title } of tests) {
    if (state !== 'failed' || carried.length === 0) continue;
    good = false;
    say(`  ✗ fails with every guard in place: ${title}`);
  }
  say(good ? 'each rule is noticed to be broken, and no other one with it' : 'FAILED');
  return good;
}

async function main(): Promise<void> {
  const page = readFileSync(PAGE, 'utf8');
  if (process.env['PAGE'] === '1') return writeFileSync(PAGE, withGuards(page, guardedFiles(GUARDS), WITHOUT_GUARD));
  const off = process.env['GUARDS'] ?? '';
  const good = off === '' ? await rules(readTable(page)) : await guards(off === 'all');
  process.exitCode = good ? 0 : 1;
}

main().catch((error: unknown) => {
  say(String(error));
  process.exitCode = 1;
});
