/** Measures what `make bench` promises, prints one table, and fails below a threshold. Names of measurements choose among them. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attestation } from './attestation';
import { connections } from './connections';
import { type Figure, table } from './figure';
import { flood } from './flood';
import { hashing } from './hashing';
import { issuance } from './issuance';
import { firstSvid } from './latency';
import { minting } from './minting';
import { ruleChange } from './rule-change';
import { starting } from './starting';
import { storm } from './storm';
import { streams } from './streams';
import { throughput } from './throughput';
import { ROOT } from './mandate';
import { verifying } from './verify';

/** What a measurement needs beside a running Mandate: a compiled client and a folder that is removed at the end. */
export interface Tools {
  readonly client: string;
  readonly folder: string;
}

const MEASUREMENTS: Readonly<Record<string, (tools: Tools) => Promise<readonly Figure[]>>> = {
  minting,
  attestation,
  issuance,
  latency: firstSvid,
  throughput,
  storm,
  connections,
  streams,
  hashing,
  flood,
  rules: ruleChange,
  starting,
  verify: verifying,
};

/** Another user is none of an ordinary one's. Named, it says so itself. */
const NEEDS_ROOT: readonly string[] = ['flood'];

/** Before a name: this process takes that one measurement. */
const ALONE = '--alone';

/** Takes a measurement in a process of its own, so that the code that one had compiled and the memory it left are not in the figures of the next. */
function measured(name: string, { client, folder }: Tools): readonly Figure[] {
  const said = execFileSync(process.execPath, [__filename, ALONE, name, client, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(said.toString()) as readonly Figure[];
}

async function alone([name = '', client = '', folder = '']: readonly string[]): Promise<number> {
  process.stdout.write(JSON.stringify(await MEASUREMENTS[name]!({ client, folder })));
  return 0;
}

function main(names: readonly string[]): number {
  const unknown = names.filter((name) => !(name in MEASUREMENTS));
  if (unknown.length > 0) {
    process.stderr.write(`no measurement named ${unknown.join(', ')}; there are ${Object.keys(MEASUREMENTS).join(', ')}\n`);
    return 2;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  chmodSync(folder, 0o711); // other users run the client, too
  try {
    const client = path.join(folder, 'client');
    execFileSync('go', ['build', '-o', client, '.'], { cwd: path.join(ROOT, 'bench/client'), stdio: ['ignore', 'ignore', 'inherit'] });
    const figures: Figure[] = [];
    for (const name of Object.keys(MEASUREMENTS)) {
      if (names.length > 0 && !names.includes(name)) continue;
      if (names.length === 0 && NEEDS_ROOT.includes(name) && process.geteuid!() !== 0) {
        process.stderr.write(`left out, since it needs root: ${name}\n`);
        continue;
      }
      process.stderr.write(`measuring ${name}\n`);
      figures.push(...measured(name, { client, folder }));
    }
    process.stdout.write(table(figures));
    return figures.every(({ passed }) => passed) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);

(async () => (args[0] === ALONE ? alone(args.slice(1)) : main(args)))().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
