import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { type Figure, figure, percentile, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';
import { cpuMs } from './processes';

const PROCESSES = 4;
const BYSTANDERS = 150;
const ROUNDS = 2;
const OTHER = 54_321;

interface Times {
  readonly firstMs: number;
}

interface Round {
  readonly waited: readonly number[];
  /** Share of one processor that each of the others had, in thousandths. */
  readonly share: number;
  readonly opened: number;
  readonly refused: number;
}

const shares = (rounds: readonly Round[]): string => rounds.map(({ share }) => share / 10).join(' and ');

/**
 * New processes of one user fetch their first SVID while those of another connect to us as fast as they can, and while as many do the same to a
 * socket that is none of ours and refuses them. So both burn the same processor time in the same system calls: whoever makes and frees a hundred
 * thousand sockets a second keeps everybody waiting, whoever they are for. Shown beside it are as many that only count. Needs root: nobody else has
 * another user's processes.
 */
export async function flood({ client }: Tools): Promise<readonly Figure[]> {
  if (process.geteuid!() !== 0) throw new Error('flood needs root: the flood is that of another user');
  const mandate = new Mandate();
  const first = () =>
    new Client(mandate.spawn(client, ['first', '0'])).says<Times>('firstMs').then(
      ({ firstMs }) => firstMs,
      () => Number.POSITIVE_INFINITY, // not served at all
    );
  const elsewhere = path.join(mandate.home, 'elsewhere.sock');
  const refuses = createServer();
  const beside = async (way: 'flood' | 'burn', thousandths: number, socket = mandate.workloadApi): Promise<Round> => {
    const others = Array.from({ length: PROCESSES }, () => new Client(mandate.spawn(client, [way, String(thousandths)], OTHER, socket)));
    await Promise.all(others.map((one) => one.says('waiting')));
    const cpu = () => others.reduce((sum, one) => sum + cpuMs(one.child.pid!), 0);
    const [before, began] = [cpu(), performance.now()];
    for (const one of others) one.go();
    const waited: number[] = [];
    while (waited.length < BYSTANDERS) waited.push(await first());
    const share = Math.round(((cpu() - before) / (performance.now() - began) / PROCESSES) * 1000);
    for (const one of others) one.finish();
    const said = await Promise.all(others.map((one) => one.says<{ opened: number; refused: number }>('opened')));
    const sum = (of: 'opened' | 'refused') => said.reduce((total, one) => total + one[of], 0);
    return { waited, share, opened: sum('opened'), refused: sum('refused') };
  };
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    await new Promise<void>((resolve) => refuses.listen(elsewhere, resolve));
    chmodSync(elsewhere, 0o600);
    for (let warm = 0; warm < 100; warm++) await first();
    const [flooded, control, counting]: [Round[], Round[], Round[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      flooded.push(await beside('flood', 0));
      control.push(await beside('flood', 0, `unix://${elsewhere}`));
      counting.push(await beside('burn', 1000));
    }
    const at = (rounds: readonly Round[], part: number) =>
      percentile(
        rounds.flatMap(({ waited }) => waited),
        part,
      );
    const unserved = flooded.flatMap(({ waited }) => waited).filter((ms) => !Number.isFinite(ms)).length;
    const total = (of: 'opened' | 'refused') => flooded.reduce((sum, round) => sum + round[of], 0);
    return [
      figure(
        'first SVID beside a flood of connections, p99',
        at(flooded, 0.99) / at(control, 0.99),
        '× control',
        { most: 2 },
        `${shown(at(flooded, 0.99))} against ${shown(at(control, 0.99))} ms, p50 ${shown(at(flooded, 0.5))} against ${shown(at(control, 0.5))}; ${shown(at(counting, 0.99))} and ${shown(at(counting, 0.5))} ms beside as many that only count; ` +
          `${unserved} of ${BYSTANDERS * ROUNDS} not served, ${total('opened')} connections opened, ${total('refused')} refused, ${PROCESSES} processes with ${shares(flooded)} % of a core each, ${shares(control)} in the control`,
      ),
    ];
  } finally {
    refuses.close();
    await mandate.end();
  }
}
