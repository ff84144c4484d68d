import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Random } from '../domain/ports';

const LOWEST = 20_000;
const HIGHEST = 65_535;
/** Fewer to choose from, and two installations that are made at once could choose the same. */
const ENOUGH = 1_000;
const ATTEMPTS = 64;

/** Ports from `first` to `last`. */
interface Ports {
  readonly first: number;
  readonly last: number;
}

/**
 * Ports that the system gives to nobody who does not ask for one, by the text of /proc/sys/net/ipv4/ip_local_port_range: below those that it gives to connections, else
 * above them. Undefined where too few are left.
 */
export function unassigned(range: string): Ports | undefined {
  const [, first, last] = (/^(\d+)\s+(\d+)$/.exec(range.trim()) ?? []).map(Number);
  if (first === undefined || last === undefined) return undefined;
  const sides = [
    { first: LOWEST, last: first - 1 },
    { first: last + 1, last: HIGHEST },
  ];
  return sides.find((side) => side.last - side.first + 1 >= ENOUGH);
}

/**
 * A port of 127.0.0.1 that nobody has now, other than `besides`, and that stays free while whoever keeps it is down: one that the system gives away would sooner
 * or later be that of somebody's connection when it starts again.
 */
export async function freePort(random: Random, besides?: number, range = readRange()): Promise<number> {
  const ports = unassigned(range);
  for (let attempt = 0; attempt < 2 * ATTEMPTS; attempt++) {
    const port = await bound(ports && attempt < ATTEMPTS ? drawn(ports, random) : 0);
    if (port !== undefined && port !== besides) return port;
  }
  throw new Error('no port is free');
}

const drawn = ({ first, last }: Ports, random: Random): number => first + (random.bytes(4).readUInt32BE() % (last - first + 1));

function readRange(): string {
  try {
    return readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1');
  } catch {
    return '';
  }
}

/** The port that could be listened on, 0 for any; undefined where it is somebody's. */
function bound(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
