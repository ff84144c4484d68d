import { rmSync } from 'node:fs';
import path from 'node:path';
import { Running } from '../supervision/running';
import { join, type Joined } from './join';
import { type Fault, FAULTS, inFlightAt, type Kill, killOnce, rateBetween } from './killing';
import { Load, type LoadOptions, SHORT_LIVED } from './load';
import { allReceived } from './oracle';
import { RELEASE_BEFORE_RECORD } from './guards';
import { type Patch, scratchBuild } from '../running/scratch';
import type { Seeded } from '../running/seeded';
import { BY_USER, type Swapped, swapsPossible, swapTrial } from './swapping';

export interface TrialResult {
  readonly kills: readonly Kill[];
  /** Per kill, requests under way from before it until after it. */
  readonly inFlight: readonly number[];
  /** Credentials per second between kills. */
  readonly perSecond: number;
  readonly joined: Joined;
}

export interface TrialOptions {
  readonly load: LoadOptions;
  /** Kills of each fault, each with a request in flight. */
  readonly each: number;
  readonly seeded: Seeded;
  readonly say: (line: string) => void;
}

/** Kills every part under load, as often as asked for, and holds what the agents received against the lineage. */
export function killTrial({ load: options, each, seeded, say }: TrialOptions): Promise<TrialResult> {
  return onInstallation(undefined, async (running) => {
    await running.apply(SHORT_LIVED);
    const load = await Load.start(running, options);
    const firstMs = Date.now();
    await load.progress({ x509: 3, jwt: 3 }, 60_000);
    const kills: Kill[] = [];
    const planned = seeded.shuffled((Object.keys(FAULTS) as Fault[]).flatMap((fault) => Array.from({ length: each }, () => fault)));
    for (let at = 0; at < planned.length; at++) {
      const fault = planned[at]!;
      const kill = await killOnce(running, load, fault, seeded);
      kills.push(kill);
      say(`kill ${kills.length}: ${fault}, recovered in ${kill.recoveredMs} ms`);
      // A request that ended while the signal was on its way proves nothing: that kill is done once more, a bounded number of times.
      if (inFlightAt(load.folder, [kill])[0] === 0 && planned.length < 10 * each) planned.push(fault);
    }
    await load.stop();
    const joined = await judge(load, running);
    return { kills, inFlight: inFlightAt(load.folder, kills), perSecond: rateBetween(load.folder, firstMs, kills), joined };
  });
}

/** Runs `use` on a fresh installation; on a build with one guard taken out where a patch is given. */
async function onInstallation<T>(patch: Patch | undefined, use: (running: Running) => Promise<T>): Promise<T> {
  const root = patch && scratchBuild(patch);
  try {
    const running = await Running.start(root === undefined ? {} : { root });
    try {
      return await use(running);
    } finally {
      await running.end();
    }
  } finally {
    if (root !== undefined) rmSync(path.dirname(root), { recursive: true, force: true });
  }
}

async function judge(load: Load, running: Running): Promise<Joined> {
  const reader = await running.reader();
  try {
    return await join(allReceived(load.folder), reader);
  } finally {
    await reader.end();
  }
}

/** The same load and join on a build that releases before it records: what it finds when PostgreSQL and the server are killed. */
export const unrecordedTrial = (options: LoadOptions, seeded: Seeded): Promise<Joined> =>
  onInstallation(RELEASE_BEFORE_RECORD, async (running) => {
    await running.apply(SHORT_LIVED);
    const load = await Load.start(running, options);
    for (const fault of ['postmaster', 'server'] as const) await killOnce(running, load, fault, seeded);
    await load.stop();
    return judge(load, running);
  });

/** Processes that change while they are answered: how often an SVID reached what they had become. */
export const swapTrials = (each: number, patch?: Patch): Promise<readonly Swapped[]> =>
  onInstallation(patch, async (running) => {
    await running.apply(BY_USER);
    const trials: Swapped[] = [];
    for (const swap of swapsPossible()) for (let at = 0; at < each; at++) trials.push(await swapTrial(running, swap));
    return trials;
  });
