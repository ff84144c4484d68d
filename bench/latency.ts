import { closeSync, fdatasyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { type Figure, figure, percentile, shown } from './figure';
import { largeCopy } from './large-program';
import type { Tools } from './main';
import { Client, Mandate } from './mandate';

const PROCESSES = 60;
/** Daemons run for weeks: what is measured is one that has served this many processes. Before some 450 V8 still compiles, after that nothing gets faster. */
const SERVED_BEFORE = 500;
const FURTHER = 10;
const LARGE_BYTES = 200 * 1024 * 1024;
/** Two runs of the same program differ by this much here. */
const NOISE_MS = 0.5;

interface Times {
  readonly firstMs: number;
  readonly furtherMs: readonly number[];
}

/** How long a new process waits for its first SVID when its program was hashed before, and for one on a further connection. */
export async function firstSvid({ client, folder }: Tools): Promise<readonly Figure[]> {
  const large = largeCopy(client, path.join(folder, 'large'), LARGE_BYTES);
  const log = path.join(folder, 'sync');
  writeFileSync(log, Buffer.alloc(1024 * 1024));
  const mandate = new Mandate();
  try {
    await mandate.up();
    await mandate.admitAll('15m');
    const one = async (program: string): Promise<Times> => {
      const started = new Client(mandate.spawn(program, ['first', String(FURTHER)]));
      const times = await started.says<Times>('firstMs');
      await started.ended();
      return times;
    };
    const hashing = (await one(large)).firstMs;
    for (let warm = 0; warm < SERVED_BEFORE; warm++) await one(client);
    const [small, big, sync]: [Times[], Times[], number[]] = [[], [], []];
    for (let turn = 0; turn < PROCESSES; turn++) {
      small.push(await one(client));
      big.push(await one(large));
      sync.push(fdatasyncMs(log));
    }
    const first = small.map((times) => times.firstMs);
    const large50 = percentile(
      big.map((times) => times.firstMs),
      0.5,
    );
    const [p50, p99, syncMs] = [percentile(first, 0.5), percentile(first, 0.99), percentile(sync, 0.5)];
    const further = small.flatMap((times) => times.furtherMs);
    return [
      figure(
        'first SVID of a new process, p50',
        p50,
        'ms',
        { most: 5 + 2 * syncMs },
        `p99 ${shown(p99)}; 5 ms + 2 × fdatasync of ${syncMs.toFixed(3)} ms; ${SERVED_BEFORE} processes served before`,
      ),
      figure(
        'same, program of 200 MB',
        large50,
        'ms',
        { most: Math.max(p50 * 1.1, p50 + NOISE_MS) },
        `no slower than the small one, in turns; hashing it once took ${shown(hashing)} ms`,
      ),
      figure(
        'further connection of a known process, p50',
        percentile(further, 0.5),
        'ms',
        { most: 1.2 },
        `p99 ${shown(percentile(further, 0.99))}`,
      ),
    ];
  } finally {
    await mandate.end();
  }
}

/** Eight kilobytes written over, as in a log file that is there already, and made durable. */
function fdatasyncMs(file: string): number {
  const fd = openSync(file, 'r+');
  writeSync(fd, randomBytes(8192), 0, 8192, 0);
  const began = performance.now();
  fdatasyncSync(fd);
  const took = performance.now() - began;
  closeSync(fd);
  return took;
}
