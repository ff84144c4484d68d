import { homedir } from 'node:os';
import type { Limits } from '../domain/child-protocol';
import { type Layout, layoutOf } from '../domain/layout';
import { runCli } from '../cli/program';
import type { DatabaseCommands, Launcher, Supervisor } from '../cli/ports';
import { systemClock } from '../system/clock';
import { rootFolder, version } from './root';

/** Fresh JWT-SVIDs a process may ask for in a minute unless the configuration says otherwise. */
const DEFAULT_LIMITS: Limits = { jwtPerMinute: 600 };

/** Everything a person types. Parts are loaded when a command asks for them: most commands need none. */
export async function cliEntry(): Promise<void> {
  const uid = process.geteuid?.() ?? -1;
  const program = { node: process.execPath, main: require.main?.filename ?? '' };
  process.exitCode = await runCli({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    uid,
    version: version(),
    root: rootFolder,
    program,
    clock: systemClock,
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    layoutFor: (state) =>
      layoutOf({ uid, state, home: homedir(), xdgStateHome: process.env['XDG_STATE_HOME'], xdgRuntimeDir: process.env['XDG_RUNTIME_DIR'] }),
    supervisor: () => supervisor(uid, program),
    database: (): DatabaseCommands => (require('./database') as typeof import('./database')).databaseCommands,
    launcher,
    onInterrupt: (handler) => {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
  });
}

function supervisor(uid: number, program: { readonly node: string; readonly main: string }): Supervisor {
  const { Supervisor: Supervising } = require('../supervisor/supervisor') as typeof import('../supervisor/supervisor');
  const { harden } = require('../system/harden') as typeof import('../system/harden');
  const { jsonLog } = require('./log') as typeof import('./log');
  const { systemRandom } = require('../system/random') as typeof import('../system/random');
  harden();
  const log = jsonLog('up', 'silent');
  return new Supervising({
    version: version(),
    env: process.env,
    program,
    uid,
    clock: systemClock,
    random: systemRandom,
    log,
    limits: (_layout: Layout) => DEFAULT_LIMITS,
    openDatabase: (options, account, clientsGid) =>
      (require('./database') as typeof import('./database')).openSupervisedDatabase(options, account, clientsGid, log),
  });
}

function launcher(): Launcher {
  const { inheritedDescriptors } = require('../system/inherited-descriptors') as typeof import('../system/inherited-descriptors');
  const { resolveProgram } = require('../system/resolve-program') as typeof import('../system/resolve-program');
  const { execInPlace } = require('../system/exec-in-place') as typeof import('../system/exec-in-place');
  return { inheritedDescriptors, resolveProgram, execInPlace };
}
