import { randomBytes } from 'node:crypto';
import { leastUnderLoad } from '../faults/killing';
import { NODE_AGENT } from '../faults/load';
import { Seeded } from '../running/seeded';
import { table } from '../faults/table';
import { killTrial, swapTrials, unrecordedTrial } from '../faults/trial';

/** A twentieth of `make faults`, chosen by seed; the seed repeats it. */
const seed = process.env['FAULTS_SEED'] ?? randomBytes(4).toString('hex');
const load = { agents: 10, jwtEveryMs: 150, program: NODE_AGENT };
const say = (line: string) => void process.stdout.write(`${line}\n`);

jest.setTimeout(300_000);
beforeAll(() => say(`seed=${seed}`));

test('whatever is killed under load, nothing an agent received is without its record', async () => {
  const each = 1;
  const result = await killTrial({ load, each, seeded: new Seeded(seed), say: () => undefined });
  say(table(result));
  expect(result.joined.differences).toEqual([]);
  expect(result.joined.processes).toBe(load.agents);
  expect(leastUnderLoad(result.kills, result.inFlight)).toBeGreaterThanOrEqual(each);
});

test('a build that releases before it records is found out', async () => {
  const { differences } = await unrecordedTrial(load, new Seeded(seed));
  expect(differences.filter(({ what }) => what === 'no record')).not.toEqual([]);
});

test('no SVID reaches a process that executed or changed its user while it was answered', async () => {
  for (const swapped of await swapTrials(1)) expect(swapped).toMatchObject({ delivered: 0, ended: true });
});
