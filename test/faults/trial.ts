import { rmSync } from 'node:fs';
import path from 'node:path';
import { Running } from '../supervision/running';
import { join, type Joined } from './join';
import { type Fault, FAULTS, inFlightAt, type Kill, killOnce, rateBetween } from './killing';
import { Load, type LoadOptions, SHORT_LIVED } from './load';
import { allReceived } from './oracle';
import { RELEASE_BEFORE_RECORD, scratchBuild } from './scratch';
import type { Seeded } from './seeded';

export interface TrialResult {
  readonly kills: readonly Kill[];
  /** Per kill, requests under way from before it until after it. */
  readonly inFlight: readonly number[];
  readonly perSecond: number;
  readonly x509Share: number;
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
export async function killTrial({ load: options, each, seeded, say }: TrialOptions): Promise<TrialResult> {
  const running = await Running.start();
  try {
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
      if (inFlightAt(load.folder, [kill])[0] === 0 && planned.length < 6 * each) planned.push(fault);
    }
    await load.stop();
    const reader = await running.reader();
    const joined = await join(allReceived(load.folder), reader);
    await reader.end();
    return { kills, inFlight: inFlightAt(load.folder, kills), ...rateBetween(load.folder, firstMs, kills), joined };
  } finally {
    await running.end();
  }
}

/** The same load and join on a build that releases before it records: what it finds when PostgreSQL is killed. */
export async function unrecordedTrial(options: LoadOptions, seeded: Seeded): Promise<Joined> {
  const root = scratchBuild(RELEASE_BEFORE_RECORD);
  try {
    const running = await Running.start({ root });
    try {
      await running.apply(SHORT_LIVED);
      const load = await Load.start(running, options);
      await killOnce(running, load, 'postmaster', seeded);
      await killOnce(running, load, 'server', seeded);
      await load.stop();
      const reader = await running.reader();
      const joined = await join(allReceived(load.folder), reader);
      await reader.end();
      return joined;
    } finally {
      await running.end();
    }
  } finally {
    rmSync(path.dirname(root), { recursive: true, force: true });
  }
}
