import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { hasProgram, newHome } from '../running/installation';
import { leastUnderLoad } from './killing';
import { NODE_AGENT } from './load';
import { NO_RECHECK } from './guards';
import { Seeded } from '../running/seeded';
import { type Swapped, swapsPossible } from './swapping';
import { table, x509Share } from './table';
import { killTrial, swapTrials, unrecordedTrial } from './trial';

/**
 * `make faults`: every part killed 20 times under load, and each guard switched off once in a copy, which must then be found.
 * FAULTS_SEED repeats a run, FAULTS_EACH changes the number of kills.
 */
const AGENTS = 100;
const JWT_EVERY_MS = 740;
const LEAST_PER_SECOND = 200;
const SWAPS_EACH = 10;

async function main(): Promise<void> {
  const seed = process.env['FAULTS_SEED'] ?? randomBytes(4).toString('hex');
  const each = Number(process.env['FAULTS_EACH'] ?? 20);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  say(`seed=${seed}`);
  const home = newHome();
  const failures: string[] = [];
  try {
    const program = agentProgram(home, say);
    const result = await killTrial({ load: { agents: AGENTS, jwtEveryMs: JWT_EVERY_MS, program }, each, seeded: new Seeded(seed), say });
    say(table(result));
    for (const difference of result.joined.differences.slice(0, 20)) say(JSON.stringify(difference));
    if (result.joined.differences.length > 0) failures.push('records differ from what was received');
    if (leastUnderLoad(result.kills, result.inFlight) < each) failures.push('too few kills with a request in flight');
    if (result.perSecond < LEAST_PER_SECOND) failures.push(`less than ${LEAST_PER_SECOND} credentials a second`);
    if (Math.abs(x509Share(result.joined) - 0.5) > 0.1) failures.push('the load is not about half X509-SVIDs');

    const found = await unrecordedTrial({ agents: 20, jwtEveryMs: 200, program }, new Seeded(seed));
    say(`guard off, release before record: ${found.differences.filter(({ what }) => what === 'no record').length} without a record`);
    if (found.differences.length === 0) failures.push('release before record was not found');

    const swaps = await swapTrials(SWAPS_EACH);
    say(
      `changed while answered: ${swaps.length} processes (${swapsPossible().join(', ')}), ${reached(swaps)} answers reached what they became`,
    );
    if (reached(swaps) > 0 || swaps.some(({ ended }) => !ended)) failures.push('an SVID reached another program or user');
    const unchecked = await swapTrials(1, NO_RECHECK);
    say(`guard off, no re-check: ${reached(unchecked)} of ${unchecked.length} answers reached what the process became`);
    if (unchecked.some(({ delivered }) => delivered === 0)) failures.push('the missing re-check was not found');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  for (const failure of failures) say(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

const reached = (swaps: readonly Swapped[]): number => swaps.reduce((sum, { delivered }) => sum + delivered, 0);

/** A hundred processes of Go cost what ten of Node do; without its toolchain the load is made by Node, and slower machines will say so. */
function agentProgram(home: string, say: (line: string) => void): readonly string[] {
  if (!hasProgram('go')) {
    say('no go on PATH: the agents are node processes');
    return NODE_AGENT;
  }
  const program = path.join(home, 'agent');
  execFileSync('go', ['build', '-trimpath', '-o', program, '.'], { cwd: path.join(__dirname, 'agent-go'), stdio: 'inherit' });
  return [program];
}

void main();
