import { type Figure, figure, percentile, shown } from './figure';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';
import { cpuMs } from './processes';

const PROCESSES = 4;
const BYSTANDERS = 150;
const ROUNDS = 2;

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

/**
 * New processes fetch their first SVID while others open connections as fast as they can, and while the same number of processes burn as
 * much CPU as those did without touching the socket.
 */
export async function flood({ client }: Tools): Promise<readonly Figure[]> {
  const mandate = new Mandate();
  const first = () =>
    new Client(mandate.spawn(client, ['first', '0'])).says<Times>('firstMs').then(
      ({ firstMs }) => firstMs,
      () => Number.POSITIVE_INFINITY, // not served at all
    );
  const beside = async (way: 'flood' | 'burn', thousandths: number): Promise<Round> => {
    const others = Array.from({ length: PROCESSES }, () => new Client(mandate.spawn(client, [way, String(thousandths)])));
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
    for (let warm = 0; warm < 100; warm++) await first();
    const flooded: Round[] = [];
    const control: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      flooded.push(await beside('flood', 0));
      control.push(await beside('burn', Math.min(999, flooded.at(-1)!.share)));
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
        `${shown(at(flooded, 0.99))} against ${shown(at(control, 0.99))} ms, p50 ${shown(at(flooded, 0.5))} against ${shown(at(control, 0.5))}; ` +
          `${unserved} of ${BYSTANDERS * ROUNDS} not served, ${total('opened')} connections opened, ${total('refused')} refused, ${PROCESSES} processes with ${flooded.map(({ share }) => share / 10).join(' and ')} % of a core each`,
      ),
    ];
  } finally {
    await mandate.end();
  }
}
