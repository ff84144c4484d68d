// Builds each foreign client with its own tools from its own registry. Sources are copied to a cache folder and built there, so that
// a clone stays as it is, whoever runs this; what was built from the same sources before is used again.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = import.meta.dirname;
const BUILD_MS = 900_000;

/** Where built clients are kept; INTEROP_CACHE names another place, for example one that another account has filled. */
const cache = process.env.INTEROP_CACHE ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'mandate-interop');

/**
 * A client ready to run: {name, command}, or {name, missing: why} where the machine has no tools for it; throws where it does not build.
 * A recipe is {name, folder, needs, tool, build, command}: `folder` that of its sources, from here or absolute; `needs` its tools in words;
 * `tool` the one that builds it, or undefined; `build(tool, built)` works in the copy; `command(built)` is how it is started. Clients are
 * built one after the other: each compiler takes all cores it finds.
 */
export async function builtFrom({ name, folder, needs, tool, build, command }, tell) {
  const sources = path.resolve(here, folder);
  const kept = path.isAbsolute(folder) ? `sample-${path.basename(folder)}` : folder.replaceAll('/', '-');
  const built = path.join(cache, `${kept}-${digestOf(sources)}`);
  if (!existsSync(path.join(built, '.complete'))) {
    const program = await tool();
    if (program === undefined) return { name, missing: `needs ${needs}` };
    tell(`building ${name} in ${built}`);
    rmSync(built, { recursive: true, force: true });
    mkdirSync(built, { recursive: true });
    cpSync(sources, built, { recursive: true });
    try {
      await build(program, built);
    } catch (error) {
      throw new Error(`${name} did not build: ${error.stderr ?? error.message}`, { cause: error });
    }
    writeFileSync(path.join(built, '.complete'), '');
  }
  return { name, command: command(built) };
}

/** The program, if it runs here with these arguments. */
export async function available(program, ...args) {
  try {
    await run(program, args, { timeout: 60_000 });
    return program;
  } catch {
    return undefined;
  }
}

/** Runs a step of a build in its folder. */
export const execute = (program, args, cwd, env = {}) =>
  run(program, args, { cwd, env: { ...process.env, ...env }, timeout: BUILD_MS, maxBuffer: 64 * 1024 * 1024 });

function digestOf(folder) {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
    if (entry.isFile()) hash.update(`${path.relative(folder, key(entry))}\0`).update(readFileSync(key(entry)));
  }
  return hash.digest('hex').slice(0, 16);
}

const key = (entry) => path.join(entry.parentPath, entry.name);
