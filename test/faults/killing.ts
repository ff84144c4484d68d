import type { Part, Running } from '../supervision/running';
import type { Load } from './load';
import { allAsked, allReceived } from './oracle';
import type { Seeded } from '../running/seeded';

/** Ways to end a part: kill -9, and for PostgreSQL its own immediate shutdown, which also leaves recovery to the next start. */
export const FAULTS = {
  server: { part: 'server', signal: 'SIGKILL' },
  node: { part: 'node', signal: 'SIGKILL' },
  postmaster: { part: 'database', signal: 'SIGKILL' },
  immediate: { part: 'database', signal: 'SIGQUIT' },
} as const satisfies Record<string, { readonly part: Part; readonly signal: NodeJS.Signals }>;

export type Fault = keyof typeof FAULTS;

export interface Kill {
  readonly fault: Fault;
  /** Just before and just after the signal. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Until every agent had received two further credentials of each kind; the second was asked for after the first. */
  readonly recoveredMs: number;
}

/** Longest time that the moment of a kill is drawn from. */
const SPREAD_MS = 1_000;
/** So many requests under way are waited for first: of one alone the answer may be on its way already. */
const WISHED_IN_FLIGHT = 3;
const WISHED_MS = 2_000;
const IN_FLIGHT_LIMIT_MS = 30_000;
const RECOVERY_LIMIT_MS = 60_000;

/** Kills a part at a uniform random time, as soon as a request is under way, and waits until every agent has gone on by itself. */
export async function killOnce(running: Running, load: Load, fault: Fault, seeded: Seeded): Promise<Kill> {
  const { part, signal } = FAULTS[fault];
  const victim = running.part(part);
  if (!victim) throw new Error(`no ${part} to kill`);
  await new Promise((resolve) => setTimeout(resolve, seeded.next() * SPREAD_MS));
  const sinceMs = Date.now();
  while (load.inFlight() < (Date.now() - sinceMs < WISHED_MS ? WISHED_IN_FLIGHT : 1)) {
    if (Date.now() - sinceMs > IN_FLIGHT_LIMIT_MS) throw new Error('no request came to be in flight');
    await new Promise((resolve) => setImmediate(resolve));
  }
  const beforeMs = Date.now();
  process.kill(victim.pid, signal);
  const afterMs = Date.now();
  await load.progress({ x509: 2, jwt: 2 }, RECOVERY_LIMIT_MS);
  await running.successor(part, victim);
  return { fault, beforeMs, afterMs, recoveredMs: Date.now() - afterMs };
}

/** Requests under way from before a kill until after it: begun before, ended after. */
export function inFlightAt(folder: string, kills: readonly Kill[]): number[] {
  const asked = allAsked(folder);
  return kills.map(({ beforeMs, afterMs }) => asked.filter(({ fromMs, toMs }) => fromMs < beforeMs && toMs > afterMs).length);
}

/** The least number of kills of one fault that had a request in flight. */
export const leastUnderLoad = (kills: readonly Kill[], inFlight: readonly number[]): number =>
  Math.min(
    ...(Object.keys(FAULTS) as Fault[]).map((fault) => kills.filter((kill, index) => kill.fault === fault && inFlight[index]! > 0).length),
  );

/** Credentials per second that were received between one recovery and the next kill. */
export function rateBetween(folder: string, firstMs: number, kills: readonly Kill[]): number {
  const spans = kills.map(({ beforeMs }, index) => {
    const before = kills[index - 1];
    return { fromMs: before ? before.afterMs + before.recoveredMs : firstMs, toMs: beforeMs };
  });
  const within = allReceived(folder).filter(({ atMs }) => spans.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs));
  const seconds = spans.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs), 0) / 1000;
  return within.length / seconds;
}
