import { existsSync } from 'node:fs';
import { noGroups } from '../running/control-groups';
import { hasProgram } from '../running/installation';
import { everyProcessReadable } from '../running/readable';
import type { AttackCase, Need } from './attack-case';
import type { Field } from './field';

const PYTHON = '/usr/bin/python3';

/** Who may be asked to carry something out, tried as the attackers' account. */
const BROKERS: Readonly<Partial<Record<Need, readonly [string, ...string[]]>>> = {
  'systemd --user': ['systemd-run', '--user', '--wait', '--pipe', '--quiet', 'true'],
  'ssh to itself': ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5', 'localhost', 'true'],
};

/** What is not there for an attack to be carried out on this field, as it is shown; undefined where nothing is missing. */
export async function lacking(needs: readonly Need[], field: Field): Promise<string | undefined> {
  if (needs.includes('ours') && field.parts.ours === undefined) return 'n/a';
  const missing = existsSync(PYTHON) ? [] : [PYTHON];
  for (const need of needs) if (!(await isThere(need, field))) missing.push(need);
  return missing.length === 0 ? undefined : `skipped: no ${missing.join(', no ')}`;
}

/** As `lacking`, of the case itself: some are about one way to run. */
export async function notCarriedOut({ needs = [], only }: AttackCase, field: Field): Promise<string | undefined> {
  const lack = await lacking(needs, field);
  return lack ?? (only === undefined || only === field.mode ? undefined : `n/a: a case of the mode ${only}`);
}

async function isThere(need: Need, field: Field): Promise<boolean> {
  if (need === 'ours') return true;
  // An ordinary user's node never may; what that means for a rule is tried all the same.
  if (need === 'readable') return process.getuid?.() !== 0 || everyProcessReadable();
  if (need === 'root' || need === 'other user') return process.getuid?.() === 0;
  if (need === 'root node') return field.mode === 'installed' && noGroups === undefined;
  // An ordinary user's node gives launches none, wherever it runs.
  if (need === 'control groups') return field.mode !== 'installed' || noGroups === undefined;
  const broker = BROKERS[need];
  if (broker === undefined) return hasProgram(need);
  const [program, ...args] = broker;
  return hasProgram(program) && (await field.succeeds(program, args));
}
