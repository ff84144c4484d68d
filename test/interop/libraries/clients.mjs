// The four libraries: how each is built, and what it does in a way of its own.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { available, builtFrom, execute } from '../toolchains.mjs';

export const GO = {
  name: 'go-spiffe',
  folder: 'go',
  needs: 'go',
  tool: () => available('go', 'version'),
  command: (built) => [path.join(built, 'client')],
  build: (tool, built) => execute(tool, ['build', '-trimpath', '-o', 'client', '.'], built, { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }),
};

export const PYTHON = {
  name: 'py-spiffe',
  folder: 'python',
  needs: 'python3 with venv',
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
};

const RUST = {
  name: 'rust-spiffe',
  folder: 'rust',
  needs: 'cargo',
  tool: () => available('cargo', '--version'),
  command: (built) => [path.join(built, 'client')],
  async build(cargo, built) {
    // Beside the copies, so that another version of ours does not compile what others wrote once more.
    const target = path.join(built, '../rust-target');
    await execute(cargo, ['build', '--release', '--locked', '--quiet'], built, { CARGO_TARGET_DIR: target });
    copyFileSync(path.join(target, 'release/client'), path.join(built, 'client'));
  },
  // Its source connects once to synchronise and once more for the stream that it keeps.
  connects: 2,
};

export const LIBRARIES = [GO, PYTHON, RUST];

/** Those that could be built, with what their recipes declare; the others are told to `results`. */
export async function libraryClients(results, tell) {
  const clients = [];
  for (const recipe of LIBRARIES) {
    try {
      const { missing, command } = await builtFrom(recipe, tell);
      if (missing === undefined) clients.push({ ...recipe, command });
      else results.skipped(recipe.name, missing);
    } catch (error) {
      results.unreached(recipe.name, error.message);
    }
  }
  return clients;
}
