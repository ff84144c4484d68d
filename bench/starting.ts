import { type Figure, figure, percentile, shown } from './figure';
import { BIN, Mandate } from './mandate';
import { residentMb } from './processes';
import { median } from './thread-cpu';

const STARTS = 3;
const RUNS = 15;
const IDLE_MS = 3_000;

/** How long `up` and `run` take, and what an idle installation holds in memory. */
export async function starting(): Promise<readonly Figure[]> {
  const firsts: number[] = [];
  const laters: number[] = [];
  const figures: Figure[] = [];
  for (let start = 0; start < STARTS; start++) {
    const mandate = new Mandate();
    try {
      firsts.push(await mandate.up('plain'));
      if (start === 0) figures.push(...(await running(mandate)));
      await mandate.down();
      laters.push(await mandate.up('plain'));
      if (start === 0) figures.push(...(await memory(mandate)));
    } finally {
      await mandate.end();
    }
  }
  const all = (values: readonly number[]) => values.map((ms) => shown(ms / 1000)).join(' ');
  return [
    figure('up ready, first time', median(firsts) / 1000, 's', { most: 4 }, `median of ${all(firsts)}`),
    figure('up ready, later', median(laters) / 1000, 's', { most: 2 }, `median of ${all(laters)}`),
    ...figures,
  ];
}

/** `run` beside the same command started directly, in turns, and beside an empty Node. */
async function running(mandate: Mandate): Promise<readonly Figure[]> {
  const [added, node]: [number[], number[]] = [[], []];
  const timed = async (program: string, ...args: string[]) => {
    const began = performance.now();
    await mandate.run(program, ...args);
    return performance.now() - began;
  };
  await timed(BIN, 'run', '--', 'true');
  for (let turn = 0; turn < RUNS; turn++) {
    const direct = await timed('true');
    added.push((await timed(BIN, 'run', '--', 'true')) - direct);
    node.push((await timed(process.execPath, '-e', '0')) - direct);
  }
  const [ours, empty] = [percentile(added, 0.5), percentile(node, 0.5)];
  return [
    figure('run adds before exec, p50', ours, 'ms', { most: 250 }, `node -e 0 takes ${shown(empty)} ms, ratio ${shown(ours / empty)}`),
  ];
}

async function memory(mandate: Mandate): Promise<readonly Figure[]> {
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const [server, node] = [residentMb(await mandate.pid('server')), residentMb(await mandate.pid('node'))];
  return [
    figure('memory idle, server', server, 'MB', { most: 150 }, 'resident, after a start on an existing state'),
    figure('memory idle, node', node, 'MB', { most: 90 }, 'same'),
  ];
}
