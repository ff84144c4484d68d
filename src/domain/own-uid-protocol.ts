import type { Explanation } from './errors';

/** What the parts of a launch under a uid of its own tell each other (docs/adr/0018-a-uid-of-its-own.md). One JSON object on each line. */

/** Descriptors that the keeper is started with, beside the standard streams of the agent. */
export const KEEPER_FD = { launcher: 3, node: 4, project: 5, words: 6 } as const;

/** Descriptors that the one which becomes the agent is started with. */
export const BECOMING_FD = { keeper: 3, project: 4, words: 5 } as const;

/** Longest arguments and environment together; the kernel takes 2 MiB, written here in Base64. */
export const MAX_WORDS_BYTES = 4 * 1024 * 1024;
/** Longest line between the parts. */
export const MAX_LINE_BYTES = 256 * 1024;

/** Node to keeper, and on to the one that becomes the agent: nothing in it was chosen by a launcher unless it was checked. */
export interface OwnUidPlan {
  readonly uid: number;
  readonly owner: { readonly uid: number; readonly gid: number; readonly name: string; readonly home: string; readonly shell: string };
  readonly project: string;
  /** Where the agent begins; the project or a folder below it. */
  readonly cwd: string;
  readonly program: string;
  /** Which standard stream is its terminal; null without one. */
  readonly terminal: number | null;
  readonly confine: boolean;
  readonly umask: number;
  /** /proc/PID/limits of the launcher. */
  readonly limits: string;
  readonly oomScoreAdj: string;
  /** /proc/PID/loginuid of the launcher; null where the kernel has none. */
  readonly loginUid: string | null;
}

export interface Failed {
  readonly code: string;
  readonly explanation: Explanation;
}

/** To the node: the process that will execute the program stands, under its uid and in its mounts, and waits. */
export type ToNode = { readonly waiting: number } | { readonly failed: Failed };
/** From the node. */
export type FromNode = { readonly plan: OwnUidPlan } | { readonly go: true };

/** Keeper to launcher. `stopped` is the number of the signal. */
export type ToLauncher =
  | { readonly failed: Failed }
  | { readonly stopped: number }
  | { readonly exited: { readonly code: number | null; readonly signal: string | null } };
/** Launcher to keeper: a signal for the agent, by its number; `continue` after a stop. */
export type FromLauncher = { readonly signal: number } | { readonly continue: true };

/** Signals that a launcher passes on. */
export const PASSED_ON = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGTSTP'] as const;

/** Memfd from launcher to the one that becomes the agent: bytes in Base64. */
export interface Words {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly startedWith: string | null;
}

/** What a launched command keeps of the environment of whoever launches it, unless it is named. Nothing here holds a secret by its purpose. */
const KEPT = ['TERM', 'COLORTERM', 'LANG', 'LANGUAGE', 'TZ', 'PATH', 'NO_COLOR', 'CLICOLOR_FORCE', 'COLUMNS', 'LINES'] as const;
const KEPT_PREFIX = 'LC_';

export const keepsVariable = (name: string, named: readonly string[]): boolean =>
  (KEPT as readonly string[]).includes(name) || name.startsWith(KEPT_PREFIX) || named.includes(name);

/** True where `path` is the folder or lies below it; both absolute and without `.` and `..`. */
export const within = (path: string, folder: string): boolean => path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
