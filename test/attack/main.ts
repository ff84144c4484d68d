import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CASES } from './cases/all';
import { APART, everyProcessReadable } from '../running/readable';
import { foreignField, prepare } from './foreign';
import { anOrdinaryAccount } from './ordinary-account';
import { runOn, runSuite } from './suite';
import { HEAD, line, type Row } from './table';

/**
 * `make attack`: real attackers against a running Mandate, as docs/attacks.md tells. ATTACK_SEED repeats a run; FULL=1 tries what time
 * decides ten thousand times.
 */
const SHORT_TRIALS = 200;
const FULL_TRIALS = 10_000;

/** Ends at once, and what was started with it. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const say = (text: string) => void process.stdout.write(`${text}\n`);
let skipped = 0;
const sayRow = (row: Row) => {
  if (row.verdict.startsWith('skipped')) skipped += 1;
  say(line(row));
};

/** Where root is kept from reading a process, all of it runs in a pid namespace of its own, in which that process is not. */
function apart(): boolean {
  if (process.getuid?.() !== 0 || everyProcessReadable() || process.env['ATTACK_APART'] !== undefined) return false;
  const { status } = spawnSync('unshare', [...APART, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, ATTACK_APART: '1' },
  });
  process.exitCode = status ?? 1;
  return true;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      socket: { type: 'string' },
      programs: { type: 'string' },
      identity: { type: 'string' },
      prepare: { type: 'string' },
      only: { type: 'string', multiple: true },
      trials: { type: 'string' },
    },
  });
  if (values.prepare !== undefined) return prepare(values.prepare, say);
  const seed = process.env['ATTACK_SEED'] ?? randomBytes(4).toString('hex');
  const trials = Number(values.trials ?? (process.env['FULL'] === '1' ? FULL_TRIALS : SHORT_TRIALS));
  if (!Number.isSafeInteger(trials) || trials < 1) throw new Error('--trials takes a number of tries');
  const cases = CASES.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true);
  say(`seed=${seed}\n${HEAD}`);
  const beganMs = Date.now();
  let failed = 0;
  if (values.socket !== undefined) {
    const { socket, programs = '', identity = '' } = values;
    await runOn(foreignField({ socket, programs, identity, seed }), cases, trials, sayRow);
    return;
  } else {
    const asRoot = process.getuid?.() === 0;
    const account = asRoot ? anOrdinaryAccount() : undefined;
    if (asRoot && account === undefined) throw new Error('no ordinary account on this machine for the attackers to have');
    failed = await runSuite({ cases, modes: asRoot ? ['installed', 'own user'] : ['own user'], trials, seed, account, say: sayRow });
  }
  const seconds = Math.round((Date.now() - beganMs) / 1000);
  const well = `every attack that has to be defeated is, and each succeeds without its guard (${seconds} s)`;
  say(failed === 0 ? well : `${failed} rows FAILED`);
  if (skipped > 0) say(`${skipped} rows were skipped, each says why: they count for nothing`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (!apart())
  main().catch((error: unknown) => {
    say(String(error));
    process.exitCode = 1;
  });
