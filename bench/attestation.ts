import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { DOMAIN } from '../src/domain/confinement';
import { LOADING } from '../attestors/integrity';
import { PLACES } from '../src/domain/known-agents';
import type { Log } from '../src/domain/ports';
import { RunningScripts } from '../src/domain/running-script';
import { attestorsOf, recentAccounts } from '../src/entry/attestors';
import { Attesting } from '../src/node/attesting';
import { Holding } from '../src/node/holding';
import { LaunchGroups } from '../src/node/launch-groups';
import { Members, type OpenLaunch } from '../src/node/members';
import { Served } from '../src/node/served';
import { fileHomes } from '../src/system/accounts';
import { systemClock } from '../src/system/clock';
import { compileEarly } from '../src/system/compile-early';
import { FileHashing } from '../src/system/file-hasher';
import { openGroupTree } from '../src/system/group-tree';
import { readHostFacts } from '../src/system/host-facts';
import { PatientReading } from '../src/system/patient-reading';
import { PinnedProcesses } from '../src/system/processes';
import { Readiness } from '../src/system/readiness';
import { type Figure, figure, percentile, shown } from './figure';
import type { Tools } from './main';

/** As a node that has run for a while. */
const WARM = 500;
const TIMES = 2_000;
const MOST_MS = 0.5;
const SALT = '0'.repeat(32);

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** From a pid to evidence that the server could decide by, of a process never seen before whose program was hashed before: in one process, no socket. */
export async function attestation({ folder }: Tools): Promise<readonly Figure[]> {
  compileEarly(); // as the node is
  const bench = new Bench();
  const [ordinary, launched] = [waiting(folder), waiting(folder)];
  try {
    await Promise.all([ordinary, launched].map((child) => once(child.stdout!, 'data')));
    await bench.launch(launched.pid!);
    const times = { ordinary: [] as number[], launched: [] as number[] };
    for (let turn = 0; turn < WARM + TIMES; turn++) {
      const both = { ordinary: await bench.attest(ordinary.pid!), launched: await bench.attest(launched.pid!) };
      if (turn < WARM) continue;
      times.ordinary.push(both.ordinary);
      times.launched.push(both.launched);
    }
    const one = (what: string, all: readonly number[]) =>
      figure(
        what,
        percentile(all, 0.5),
        'ms',
        { most: MOST_MS },
        `p99 ${shown(percentile(all, 0.99))}; ${TIMES} times in turns, hash cached`,
      );
    return [one('attestation of a process, p50', times.ordinary), one('same, of a launched agent', times.launched)];
  } finally {
    await ended(launched);
    // While the other lives: nothing else keeps this process from ending before its threads have.
    await bench.end();
    ordinary.kill('SIGKILL');
  }
}

/** A script of Node.js, as most agents are, that has come to rest. */
function waiting(folder: string): ChildProcess {
  const script = path.join(folder, 'waiting.js');
  writeFileSync(script, "process.stdout.write('waits\\n'); setInterval(() => undefined, 60_000);\n");
  return spawn(process.execPath, [script], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Its control group can be removed then. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The node's parts up to evidence, put together as src/entry/node.ts does. */
class Bench {
  readonly #readiness = new Readiness(quiet);
  readonly #processes = new PinnedProcesses(this.#readiness);
  readonly #hasher = new FileHashing(systemClock);
  readonly #reader = new PatientReading(systemClock, { names: new Set(LOADING), places: new Set(PLACES) });
  readonly #groups = new LaunchGroups(openGroupTree(`mandate.bench-${process.pid}`, process.geteuid!()), () => undefined, quiet);
  readonly #members = new Members({ populated: () => true, ended: () => undefined });
  readonly #attesting: Attesting;
  #launchId = '';

  constructor() {
    const reader = this.#reader;
    this.#attesting = new Attesting({
      members: this.#members,
      groups: this.#groups,
      attestors: attestorsOf({
        accounts: recentAccounts(systemClock),
        hasher: this.#hasher,
        host: readHostFacts(),
        reader,
        scripts: new RunningScripts(reader),
        homes: fileHomes(),
        clock: systemClock,
      }),
      holding: new Holding(reader, systemClock),
      reader,
      ownUids: { view: () => undefined },
      hasher: this.#hasher,
      clock: systemClock,
      hold: () => undefined,
    });
  }

  /** Makes it an agent, with a control group of its own where this bench runs as root. */
  async launch(pid: number): Promise<void> {
    const agent = this.#processes.fromPid(pid);
    try {
      this.#launchId = randomUUID();
      const placed = await this.#groups.enter(this.#launchId, agent);
      const launch: OpenLaunch = {
        launchId: this.#launchId,
        agentId: randomUUID(),
        agentName: 'bench-0000',
        name: 'bench',
        programPath: process.execPath,
        programSha256: '0'.repeat(64),
        user: 'bench',
        uid: agent.uid,
        ownUid: 0,
        processKey: agent.key,
        grouped: 'from' in placed,
        confinement: DOMAIN,
        programInode: '',
        programSeen: false,
        measured: undefined,
        changed: undefined,
      };
      this.#members.open(launch);
    } finally {
      agent.release();
    }
  }

  /** Milliseconds from its pid to its evidence: pinned and forgotten each time, so that nothing is known of it but the hash of its program. */
  async attest(pid: number): Promise<number> {
    const began = performance.now();
    const pinned = this.#processes.fromPid(pid);
    try {
      this.#attesting.prepare(pinned);
      const { canonical } = await this.#attesting.of(new Served(pinned, SALT));
      const took = performance.now() - began;
      if (canonical.length === 0) throw new Error('no evidence');
      return took;
    } finally {
      pinned.release();
    }
  }

  async end(): Promise<void> {
    this.#groups.ended(this.#launchId);
    this.#groups.close();
    await Promise.all([this.#reader.close(), this.#hasher.close(), this.#readiness.close()]);
  }
}
