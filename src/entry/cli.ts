import { existsSync, statSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { LIMITS } from '../domain/child-protocol';
import { type Layout, layoutOf } from '../domain/layout';
import { runCli } from '../cli/program';
import type { DatabaseCommands, Launcher, Supervisor } from '../cli/ports';
import type * as DatabaseModule from './database';
import type * as SupervisorModule from '../supervisor/supervisor';
import type * as HardenModule from '../system/harden';
import type * as KeepFilesModule from './keep-files';
import type * as LogModule from './log';
import type * as RandomModule from '../system/random';
import type * as InheritedDescriptorsModule from '../system/inherited-descriptors';
import type * as ResolveProgramModule from '../system/resolve-program';
import type * as AttendedLaunchModule from '../system/attended-launch';
import type * as AsStartedModule from '../system/as-started';
import type * as ExecInPlaceModule from '../system/exec-in-place';
import type * as LandlockModule from '../system/landlock';
import type * as ThisProcessModule from '../system/this-process';
import { systemClock } from '../system/clock';
import { rootFolder, version } from './root';

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
    layoutFor: (state) => layoutFor(uid, state),
    machine: () => machine(uid),
    supervisor: () => supervisor(uid, program),
    database: (): DatabaseCommands => (require('./database') as typeof DatabaseModule).databaseCommands,
    launcher: () => launcher(program),
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

const layoutFor = (uid: number, state: string | undefined): Layout =>
  layoutOf({ uid, state, home: homedir(), xdgStateHome: process.env['XDG_STATE_HOME'], xdgRuntimeDir: process.env['XDG_RUNTIME_DIR'] });

/** Only root can have made its socket where it is. */
function machine(uid: number): Layout | undefined {
  if (uid === 0 || existsSync(layoutFor(uid, undefined).installationFile)) return undefined;
  const installed = layoutFor(0, undefined);
  return existsSync(installed.agentSocket) ? installed : undefined;
}

function supervisor(uid: number, program: { readonly node: string; readonly main: string }): Supervisor {
  const { Supervisor: Supervising } = require('../supervisor/supervisor') as typeof SupervisorModule;
  const { harden } = require('../system/harden') as typeof HardenModule;
  const { jsonLog } = require('./log') as typeof LogModule;
  const { systemRandom } = require('../system/random') as typeof RandomModule;
  harden();
  return new Supervising({
    version: version(),
    env: process.env,
    program,
    uid,
    clock: systemClock,
    random: systemRandom,
    openLog: (file) => jsonLog('supervisor', process.env['MANDATE_LOG'], file),
    limits: LIMITS,
    openDatabase: (choice, account, clientsGid, log) =>
      (require('./database') as typeof DatabaseModule).openSupervisedDatabase(choice, account, clientsGid, log),
  });
}

function launcher(program: { readonly node: string; readonly main: string }): Launcher {
  const { inheritedDescriptors } = require('../system/inherited-descriptors') as typeof InheritedDescriptorsModule;
  const { resolveProgram } = require('../system/resolve-program') as typeof ResolveProgramModule;
  const { asStarted } = require('../system/as-started') as typeof AsStartedModule;
  const { execInPlace } = require('../system/exec-in-place') as typeof ExecInPlaceModule;
  const { possibleConfinement, enterDomain } = require('../system/landlock') as typeof LandlockModule;
  const { adoptOrphans, disposeSignal, setDumpable } = require('../system/this-process') as typeof ThisProcessModule;
  // The debugger that it opens would let any process of this user name the launched program.
  disposeSignal(constants.signals.SIGUSR1, 'ignore');
  const closeToOthers = () => setDumpable(false);
  const keepFiles = (folder: string, socket: string) =>
    (require('./keep-files') as typeof KeepFilesModule).keepFiles(program, folder, socket);
  const attend: Launcher['attend'] = (project, words) => {
    const { AttendedLaunch } = require('../system/attended-launch') as typeof AttendedLaunchModule;
    const attended = new AttendedLaunch(project, words, systemClock);
    return { descriptors: attended.descriptors, follow: () => attended.follow() };
  };
  return {
    inheritedDescriptors,
    resolveProgram,
    asStarted,
    possibleConfinement,
    keepFiles,
    ownerOf: (socket) => statSync(socket, { throwIfNoEntry: false })?.uid ?? 0,
    attend,
    endBy: (signal) => (require('../system/attended-launch') as typeof AttendedLaunchModule).endBy(signal),
    closeToOthers,
    adoptOrphans,
    enterDomain,
    execInPlace,
  };
}
