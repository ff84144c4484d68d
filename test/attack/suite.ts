import type { Patch } from '../running/scratch';
import type { Account } from '../running/installation';
import type { AttackCase, Mode, Obtained } from './attack-case';
import type { Field } from './field';
import { lacking, notCarriedOut } from './needs';
import { OurMandate } from './our-mandate';
import type { Row } from './table';
import { type Judged, judge } from './verdict';

export interface SuiteOptions {
  readonly cases: readonly AttackCase[];
  readonly modes: readonly ('installed' | 'own user')[];
  /** How often what time decides is tried. */
  readonly trials: number;
  readonly seed: string;
  readonly account: Account | undefined;
  readonly say: (row: Row) => void;
}

/** Of what time decides, with its guard off: it succeeds often enough to be seen. */
const UNGUARDED_TRIALS = 20;
const GUARD_OFF = 'guard off';

/** Runs every case in every mode, and once without what stands against it. Returns how many rows are not as they have to be. */
export async function runSuite(options: SuiteOptions): Promise<number> {
  let failed = 0;
  const say = (row: Row) => {
    if (row.failed) failed += 1;
    options.say(row);
  };
  /** Why the control of a case was not run in any mode so far. */
  const uncontrolled = new Map<AttackCase, string>();
  const controlled = new Set<AttackCase>();
  for (const mode of options.modes) {
    const field = await OurMandate.field({ mode, account: options.account, seed: options.seed });
    try {
      await runOn(field, options.cases, options.trials, say);
      for (const attack of options.cases) {
        if (controlled.has(attack) || (await notCarriedOut(attack, field)) !== undefined) continue;
        const lack = await runControl(field, attack, say);
        if (lack === undefined) controlled.add(attack);
        else uncontrolled.set(attack, lack);
      }
    } finally {
      await field.ours.end();
    }
  }
  for (const [{ name }, verdict] of [...uncontrolled].filter(([attack]) => !controlled.has(attack))) say(notRun(name, GUARD_OFF, verdict));
  for (const { mode, patches, cases } of unguarded(options)) {
    const field = await OurMandate.field({ mode, account: options.account, seed: options.seed, patches });
    try {
      for (const attack of cases) {
        const lack = await notCarriedOut(attack, field);
        if (lack !== undefined) say(notRun(attack.name, GUARD_OFF, lack));
        else say(await unguardedRow(field, attack, () => attack.attack(field, UNGUARDED_TRIALS)));
      }
    } finally {
      await field.ours.end();
    }
  }
  return failed;
}

/** The cases on one field, as they are. */
export async function runOn(field: Field, cases: readonly AttackCase[], trials: number, say: (row: Row) => void): Promise<void> {
  for (const attack of cases) {
    const { name } = attack;
    const lack = await notCarriedOut(attack, field);
    if (lack !== undefined) {
      say(notRun(name, field.mode, lack));
      continue;
    }
    try {
      const obtained = await attack.attack(field, trials);
      const marked = attack.marked !== undefined && (await field.ours.marksNotSeparated());
      say(rowOf(name, field.mode, judge(attack, field, obtained, marked)));
    } catch (error) {
      say({ name, mode: field.mode, obtained: (error as Error).message, verdict: 'not carried out', trials: '', failed: true });
    }
  }
}

/** Runs the control of a case, where it has one. Returns why it was not run where something for it is missing. */
async function runControl(field: Field, attack: AttackCase, say: (row: Row) => void): Promise<string | undefined> {
  const { withoutGuard } = attack;
  if (withoutGuard === undefined || !('control' in withoutGuard)) return undefined;
  const lack = await lacking(withoutGuard.needs ?? [], field);
  if (lack === undefined) say(await unguardedRow(field, attack, () => withoutGuard.control(field)));
  return lack;
}

const notRun = (name: string, mode: Row['mode'], why: string): Row => ({
  name,
  mode,
  obtained: '',
  verdict: why,
  trials: '',
  failed: false,
});

async function unguardedRow(field: Field, attack: AttackCase, run: () => Promise<readonly Obtained[]>): Promise<Row> {
  try {
    const judged = judge(attack, field, await run(), false);
    const verdict = judged.wins > 0 ? 'succeeds, as it has to' : 'does not succeed: the case proves nothing';
    return { ...rowOf(attack.name, GUARD_OFF, judged), verdict, failed: judged.wins === 0 };
  } catch (error) {
    return { name: attack.name, mode: GUARD_OFF, obtained: (error as Error).message, verdict: 'not carried out', trials: '', failed: true };
  }
}

function rowOf(name: string, mode: Mode | typeof GUARD_OFF, judged: Judged): Row {
  const { verdict, obtained, wins, trials, open, failed, tighten } = judged;
  const because = verdict !== 'defeated' && open !== undefined ? `: ${open.why}; closed by ${open.closedBy}` : '';
  const note = failed ? ', and has to be closed in this mode' : tighten ? ' (listed as open: tighten the list)' : '';
  return { name, mode, obtained, verdict: `${verdict}${because}${note}`, trials: wins > 0 ? `${wins}/${trials}` : `${trials}`, failed };
}

/** The cases that need a patched build, one build for all that take out the same. */
function unguarded({ cases, modes }: SuiteOptions): { mode: 'installed' | 'own user'; patches: readonly Patch[]; cases: AttackCase[] }[] {
  const builds = new Map<string, { mode: 'installed' | 'own user'; patches: readonly Patch[]; cases: AttackCase[] }>();
  for (const attack of cases) {
    if (attack.withoutGuard === undefined || !('patches' in attack.withoutGuard)) continue;
    const { patches } = attack.withoutGuard;
    const mode = modes.find((one) => (attack.only === undefined || attack.only === one) && (attack.guardedIn?.includes(one) ?? true));
    if (mode === undefined || (attack.needs?.some((need) => need === 'root' || need === 'other user') && process.getuid?.() !== 0))
      continue;
    const key = JSON.stringify([mode, patches]);
    const build = builds.get(key) ?? { mode, patches, cases: [] };
    build.cases.push(attack);
    builds.set(key, build);
  }
  return [...builds.values()];
}
