// The four libraries: how each is built, and what it does in a way of its own.
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { same } from '../results.mjs';
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

const JAVA = {
  name: 'java-spiffe',
  folder: 'java',
  needs: 'mvn, and javac and java of 17 or later',
  tool: async () => (await available('javac', '--version')) && (await available('mvn', '--version')),
  // A small heap and one compiler: several of them run beside each other.
  command: (built) => [
    'java',
    ...['-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'],
    ...['-cp', `${built}/lib/*:${built}/classes`, 'Client'],
  ],
  async build(mvn, built) {
    // Maven itself waits half an hour for a registry that has stopped to answer.
    const patience = ['-Dmaven.wagon.rto=60000', '-Daether.connector.requestTimeout=60000'];
    await execute(mvn, ['--quiet', '--batch-mode', ...patience, 'dependency:copy-dependencies', '-DoutputDirectory=lib'], built);
    await execute('sha256sum', ['--check', '--strict', '--quiet', 'jars.sha256'], built);
    const locked = readFileSync(path.join(built, 'jars.sha256'), 'utf8').trim().split('\n').length;
    same(readdirSync(path.join(built, 'lib')).length, locked, 'jars beside those that are locked');
    await execute('javac', ['-cp', 'lib/*', '-d', 'classes', 'Client.java'], built);
  },
};

export const LIBRARIES = [GO, PYTHON, RUST, JAVA];

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
