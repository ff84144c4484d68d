import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** Programs that rules trust: copies with a hash of their own, for the loader never looks at what stands behind its last section. */
export interface Programs {
  /** Waits, and never asks for anything. */
  readonly sleeper: string;
  /** A Python: honest agents are scripts of it. */
  readonly interpreter: string;
  /** A Node.js. */
  readonly node: string;
}

const ORIGINALS: Readonly<Record<keyof Programs, string>> = {
  sleeper: '/bin/sleep',
  interpreter: '/usr/bin/python3',
  node: process.execPath,
};
const NAMES = Object.keys(ORIGINALS) as (keyof Programs)[];

export const programsIn = (folder: string): Programs => ({
  sleeper: path.join(folder, 'sleeper'),
  interpreter: path.join(folder, 'interpreter'),
  node: path.join(folder, 'node'),
});

/** Makes them, readable by all and writable by whoever calls this alone. */
export function makePrograms(folder: string): Programs {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const programs = programsIn(folder);
  for (const name of NAMES) {
    copyFileSync(realpathSync(ORIGINALS[name]), programs[name]);
    appendFileSync(programs[name], randomBytes(16));
    chmodSync(programs[name], 0o755);
  }
  return programs;
}

/** Their SHA-256 in lower-case hex. */
export const hashesOf = (programs: Programs): string[] =>
  NAMES.map((name) => createHash('sha256').update(readFileSync(programs[name])).digest('hex'));
