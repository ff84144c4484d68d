import type { DatabaseStatusAnswer, MigrateAnswer } from '../domain/answers';
import type { Confinement } from '../domain/confinement';
import type { Layout } from '../domain/layout';
import type { Words } from '../domain/own-uid-protocol';
import type { Clock } from '../domain/ports';
import type { DatabaseChoice, RunningService, StartChoice, UpEvent } from '../domain/up';

/** What the commands need from the rest of mandate; main.ts wires it. Heavy parts are functions, so that a command loads only its own. */
export interface CliDeps {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
  readonly version: string;
  /** Folder of the installation: docs/ lies below it. */
  readonly root: string;
  /** What `up -d` starts again: the node executable and the compiled entry point. */
  readonly program: { readonly node: string; readonly main: string };
  readonly clock: Clock;
  readonly stdin: () => NodeJS.ReadStream;
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  /** `state` is absolute or undefined. Throws E_SOCKET_PATH. */
  readonly layoutFor: (state: string | undefined) => Layout;
  /** The installation of the machine itself, where this user may use one and has none of its own. */
  readonly machine: () => Layout | undefined;
  readonly supervisor: () => Supervisor;
  readonly database: () => DatabaseCommands;
  readonly launcher: () => Launcher;
  /** Runs `handler` on SIGINT and SIGTERM until the returned function is called. */
  readonly onInterrupt: (handler: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
}

/** A process stream, or a test's stand-in for one. */
export interface CliStream {
  write(chunk: string): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface UpOptions extends StartChoice {
  readonly verbose: boolean;
}

/** Starts and ends server, node and database of one installation. */
export interface Supervisor {
  /** Resolves when everything is ready. Rejects, also when `abort` fires, after it has ended whatever it had started. */
  start(options: UpOptions, onEvent: (event: UpEvent) => void, abort: AbortSignal): Promise<RunningService>;
  /** The living supervisor that holds the lock of this installation. */
  holder(layout: Layout): { readonly pid: number } | undefined;
  /** Opens <logs>/up.log for appending, making the folders as `start` would; the caller closes it. */
  openLog(layout: Layout): number;
}

/** The verbs of `mandate db`; each rejects with a MandateError. */
export interface DatabaseCommands {
  migrate(choice: DatabaseChoice): Promise<MigrateAnswer>;
  status(choice: DatabaseChoice): Promise<DatabaseStatusAnswer>;
  /** SQL that creates the roles, for those who may not let mandate do it. */
  rolesSql(choice: DatabaseChoice): string;
  /** How to start psql as the reading role. Passwords are in `env` or in a file it names, never in `args`. Throws E_NO_PSQL. */
  psql(
    choice: DatabaseChoice,
  ): Promise<{ readonly program: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }>;
}

/** Executes a program in place of this process (src/system/exec-in-place.ts and its neighbours). */
export interface Launcher {
  /** Descriptors from 3 up that the user passed; true only before anything else was opened. */
  readonly inheritedDescriptors: () => readonly number[];
  /** As execvp would. Throws E_RUN_NOT_FOUND, E_RUN_NOT_EXECUTABLE. */
  readonly resolveProgram: (name: string, path: string | undefined, cwd: string) => string;
  /** Arguments and environment (`NAME=value`) of this process as their bytes. */
  readonly asStarted: () => { readonly argv: readonly Buffer[]; readonly env: readonly Buffer[] };
  /** Whether `enterDomain` can keep what we become from everything else of this user; where not, why. */
  readonly possibleConfinement: () => Confinement;
  /**
   * Has the SVID of this launch kept fresh in files that are seen at `folder`, for as long as this process lives and whatever it executes.
   * Resolves once they are there. Throws E_FILES.
   */
  readonly keepFiles: (folder: string, socket: string) => Promise<void>;
  /** uid of the owner of a socket, which is whoever listens; 0 also where there is none. */
  readonly ownerOf: (socket: string) => number;
  /**
   * For a command that runs under a uid of its own: opens what the node takes from us. `follow` relays terminal and signals until the command has
   * ended. Throws, and rejects with, E_OWN_UID or why the command could not be executed.
   */
  readonly attend: (
    project: string,
    words: Words,
  ) => {
    readonly descriptors: { readonly project: number; readonly control: number; readonly words: number; readonly terminal?: number };
    readonly follow: () => Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  };
  /** Ends this process by a signal, as its command was. */
  readonly endBy: (signal: NodeJS.Signals) => void;
  /** Until the exec nobody else of this user reads or traces us. `asStarted` comes first: we cannot read our own environment after it. */
  readonly closeToOthers: () => void;
  /** What loses its parent below us becomes our child. */
  readonly adoptOrphans: () => void;
  /** Throws E_CONFINE. */
  readonly enterDomain: () => void;
  /** Throws E_RUN, E_RUN_NOT_FOUND or E_RUN_NOT_EXECUTABLE; otherwise this process is the program. */
  readonly execInPlace: (program: {
    readonly path: string;
    readonly argv: readonly Buffer[];
    readonly env: readonly Buffer[];
    readonly descriptors: readonly number[];
    /** Soft limit of open files and mask of ignored signals before Node started, as bin/mandate noted them. */
    readonly startedWith: string | undefined;
  }) => never;
}
