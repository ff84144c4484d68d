import path from 'node:path';
import { type Figure, figure, percentile, shown } from './figure';
import { largeCopy } from './large-program';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';

const PROGRAMS = 20;
const LARGE_BYTES = 180 * 1024 * 1024;
/** Who waited for even one of the hashes would wait several times as long. */
const BYSTANDER_MS = 100;

interface Times {
  readonly firstMs: number;
}

/** 20 programs of 180 MB are seen for the first time at once: how late the node gets, and how long a program hashed before waits meanwhile. */
export async function hashing({ client, folder }: Tools): Promise<readonly Figure[]> {
  const programs = Array.from({ length: PROGRAMS }, (_, index) => largeCopy(client, path.join(folder, `large-${index}`), LARGE_BYTES));
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const first = (program: string) => new Client(mandate.spawn(program, ['first', '0']));
    await first(client).says<Times>('firstMs');
    await mandate.eventLoop('node');
    const began = performance.now();
    let hashed = 0;
    const large = programs.map(async (program) => {
      const took = (await first(program).says<Times>('firstMs')).firstMs;
      hashed += 1;
      return took;
    });
    const bystanders: number[] = [];
    while (hashed < PROGRAMS) bystanders.push((await first(client).says<Times>('firstMs')).firstMs);
    const waited = await Promise.all(large);
    const ms = performance.now() - began;
    const loop = await mandate.eventLoop('node');
    return [
      figure(
        'first hashes of 20 programs of 180 MB at once, node loop p99',
        loop.p99,
        'ms',
        { most: 50 },
        `single maximum ${shown(loop.max)}; all served in ${shown(ms)} ms, the first after ${shown(Math.min(...waited))}`,
      ),
      figure(
        'first SVID of a program hashed before, meanwhile, p99',
        percentile(bystanders, 0.99),
        'ms',
        { most: BYSTANDER_MS },
        `${bystanders.length} processes, p50 ${shown(percentile(bystanders, 0.5))}`,
      ),
    ];
  } finally {
    await mandate.end();
  }
}
