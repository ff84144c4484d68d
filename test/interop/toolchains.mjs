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

const RECIPES = [
  {
    name: 'go-spiffe',
    folder: 'go',
    tool: () => available('go', 'version'),
    command: (built) => [path.join(built, 'client')],
    build: (tool, built) =>
      execute(tool, ['build', '-trimpath', '-o', 'client', '.'], built, { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }),
  },
  {
    name: 'py-spiffe',
    folder: 'python',
    // The system's own first: one of a version manager may be out of reach for other accounts.
    tool: async () => {
      const check = ['-c', 'import venv, ensurepip'];
      return (await available('/usr/bin/python3', ...check)) ?? (await available('python3', ...check));
    },
    command: (built) => [path.join(built, 'venv/bin/python'), path.join(built, 'client.py')],
    async build(tool, built) {
      await execute(tool, ['-m', 'venv', 'venv'], built);
      await execute('venv/bin/python', ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '-r', 'requirements.txt'], built);
    },
  },
  {
    name: 'rust-spiffe',
    folder: 'rust',
    tool: () => available('cargo', '--version'),
    command: (built) => [path.join(built, 'target/release/client')],
    build: (tool, built) => execute(tool, ['build', '--release', '--quiet'], built, { CARGO_TARGET_DIR: path.join(built, 'target') }),
  },
];

/**
 * Every client, ready to run: {name, command}, or {name, missing: why} where the machine has no tools for it.
 * Built one after the other: each of these compilers takes all cores it finds.
 */
export async function foreignClients(tell) {
  const clients = [];
  for (const recipe of RECIPES) clients.push(await builtFrom(recipe, tell));
  return clients;
}

const SAMPLES = path.resolve(here, '../../examples/services');

/** The sample services of examples/services, in the same way. */
export async function foreignServices(tell) {
  const [go, python] = RECIPES;
  return [
    await builtFrom({ ...go, folder: path.join(SAMPLES, 'go') }, tell),
    await builtFrom(
      {
        ...python,
        folder: path.join(SAMPLES, 'python'),
        command: (built) => [path.join(built, 'venv/bin/python'), path.join(built, 'service.py')],
      },
      tell,
    ),
  ];
}

/** `folder` is that of the sources, from here or absolute. */
async function builtFrom({ name, folder, tool, build, command }, tell) {
  const sources = path.resolve(here, folder);
  const kept = path.isAbsolute(folder) ? `sample-${path.basename(folder)}` : folder;
  const built = path.join(cache, `${kept}-${digestOf(sources)}`);
  if (!existsSync(path.join(built, '.complete'))) {
    const program = await tool();
    if (program === undefined) return { name, missing: `no tools for ${name}` };
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

async function available(program, ...args) {
  try {
    await run(program, args, { timeout: 60_000 });
    return program;
  } catch {
    return undefined;
  }
}

const execute = (program, args, cwd, env = {}) =>
  run(program, args, { cwd, env: { ...process.env, ...env }, timeout: BUILD_MS, maxBuffer: 64 * 1024 * 1024 });

function digestOf(folder) {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) => (key(a) < key(b) ? -1 : 1))) {
    if (entry.isFile()) hash.update(`${path.relative(folder, key(entry))}\0`).update(readFileSync(key(entry)));
  }
  return hash.digest('hex').slice(0, 16);
}

const key = (entry) => path.join(entry.parentPath, entry.name);
