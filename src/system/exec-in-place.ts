import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { MandateError } from '../domain/errors';
import { disposeSignal, execve, handOver, KernelError, limitOpenFiles, unblockSignals } from './linux';

const SHELL = '/bin/sh';

export interface Program {
  /** Absolute path, as `resolveProgram` gives it. */
  readonly path: string;
  /** All arguments, the name the program is to see itself by first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What `inheritedDescriptors` said at the start. */
  readonly descriptors: readonly number[];
}

/**
 * Becomes the program: same pid, terminal, process group, working directory and standard streams, with everything reset that Node changed
 * at its start, so that signals, pipes, limits and exit status are the program's own. A file that is no program and names no interpreter
 * is given to the shell, as execvp(3) does.
 *
 * To be called on the main thread as the last thing done; standard input must not have been touched. Returns only by throwing:
 * E_RUN_NOT_FOUND, E_RUN_NOT_EXECUTABLE, E_RUN.
 */
export function execInPlace({ path, argv, env, descriptors }: Program): never {
  const limits = parentLimits();
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  try {
    if ([path, ...argv, ...environment].some((text) => text.includes('\0'))) throw new MandateError('E_RUN', { saw: 'a NUL byte' });
    for (const fd of [0, 1, 2, ...descriptors]) handOver(fd);
    disposeSignal(constants.signals.SIGPIPE, 'default');
    disposeSignal(SIGXFSZ, 'default');
    disposeSignal(constants.signals.SIGUSR1, 'default');
    unblockSignals();
    if (limits !== undefined) limitOpenFiles(limits.soft, limits.hard);
    execOrShell(path, argv, environment);
  } catch (thrown) {
    // We go on only to say why: a reader that went away must not end us before that.
    disposeSignal(constants.signals.SIGPIPE, 'ignore');
    throw thrown instanceof KernelError ? asRunError(path, thrown) : thrown;
  }
}

const { SIGXFSZ } = constants.signals;

function execOrShell(path: string, argv: readonly string[], env: readonly string[]): never {
  try {
    execve(path, argv, env);
  } catch (thrown) {
    if (!(thrown instanceof KernelError) || thrown.code !== 'ENOEXEC') throw thrown;
    execve(SHELL, [SHELL, path, ...argv.slice(1)], env);
  }
}

function asRunError(path: string, cause: KernelError): MandateError {
  const saw = `${cause.code} ${path}`;
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return new MandateError('E_RUN_NOT_FOUND', { saw }, { cause });
  if (['EACCES', 'EPERM', 'ENOEXEC', 'ELOOP', 'EISDIR', 'ETXTBSY'].includes(cause.code)) {
    return new MandateError('E_RUN_NOT_EXECUTABLE', { saw }, { cause });
  }
  return new MandateError('E_RUN', { saw }, { cause });
}

/**
 * Limits on open files as our parent has them: Node raises the soft one to the hard one at its start and keeps no note of what it was.
 * Undefined where they cannot be read; then the raised one stays.
 */
function parentLimits(): { readonly soft: bigint; readonly hard: bigint } | undefined {
  try {
    return openFileLimits(readFileSync(`/proc/${process.ppid}/limits`, 'latin1'));
  } catch {
    return undefined;
  }
}

const INFINITY = 2n ** 64n - 1n;

/** The `Max open files` line of /proc/PID/limits. */
export function openFileLimits(limits: string): { readonly soft: bigint; readonly hard: bigint } | undefined {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)\s/m.exec(limits) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const value = (text: string): bigint => (text === 'unlimited' ? INFINITY : BigInt(text));
  return { soft: value(soft), hard: value(hard) };
}
