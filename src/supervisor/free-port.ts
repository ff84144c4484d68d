import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Random } from '../domain/ports';

const LOWEST = 20_000;
const HIGHEST = 65_535;
/** Fewer to choose from, and two installations that are made at once could choose the same. */
const ENOUGH = 1_000;
const ATTEMPTS = 64;

/** Ports from `first` to `last`. */
export interface Ports {
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
 * A port of 127.0.0.1 that nobody has now, and that stays free while whoever keeps it is down: one that the system gives away would sooner or later be that
 * of somebody's connection when it starts again.
 */
export async function freePort(random: Random, range = readRange()): Promise<number> {
  const ports = unassigned(range);
  for (let left = ports ? ATTEMPTS : 0; ports && left > 0; left--) {
    const port = ports.first + (random.bytes(4).readUInt32BE() % (ports.last - ports.first + 1));
    if ((await bound(port)) !== undefined) return port;
  }
  return (await bound(0)) ?? Promise.reject(new Error('no port is free'));
}

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
