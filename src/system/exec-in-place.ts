import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { MandateError } from '../domain/errors';
import { KernelError } from './libc';
import { disposeSignal, execve, handOver, limitOpenFiles, unblockSignals } from './this-process';

const SHELL = '/bin/sh';

export interface Program {
  /** Absolute path, as `resolveProgram` gives it. */
  readonly path: string;
  /** All arguments, the name the program is to see itself by first. */
  readonly argv: readonly Buffer[];
  /** `NAME=value`. */
  readonly env: readonly Buffer[];
  /** What `inheritedDescriptors` said at the start. */
  readonly descriptors: readonly number[];
  /** Soft limit of open files and mask of ignored signals in hex, as they were before Node started; undefined where nobody noted them. */
  readonly startedWith: string | undefined;
}

/**
 * Becomes the program: same pid, terminal, process group, working directory and standard streams, with everything reset that Node changed
 * at its start, so that signals, pipes, limits and exit status are the program's own. A file that is no program and names no interpreter
 * is given to the shell, as execvp(3) does.
 *
 * To be called on the main thread as the last thing done; standard input must not have been touched. Returns only by throwing:
 * E_RUN_NOT_FOUND, E_RUN_NOT_EXECUTABLE, E_RUN.
 */
export function execInPlace({ path, argv, env, descriptors, startedWith }: Program): never {
  const before = startOf(startedWith);
  const own = limitsOf('self');
  const limits = before.openFiles !== undefined && own ? { soft: before.openFiles, hard: own.hard } : limitsOf(process.ppid);
  try {
    if (path.includes('\0') || [...argv, ...env].some((bytes) => bytes.includes(0))) throw new MandateError('E_RUN', { saw: 'a NUL byte' });
    for (const fd of [0, 1, 2, ...descriptors]) handOver(fd);
    for (const signal of CHANGED_BY_NODE) disposeSignal(signal, 'default');
    for (const signal of before.ignored) disposeSignal(signal, 'ignore');
    unblockSignals();
    if (limits !== undefined) limitOpenFiles(limits.soft, limits.hard);
    execOrShell(path, argv, env);
  } catch (thrown) {
    // We go on only to say why: a reader that went away must not end us before that.
    disposeSignal(constants.signals.SIGPIPE, 'ignore');
    throw thrown instanceof KernelError ? asRunError(path, thrown) : thrown;
  }
}

const CHANGED_BY_NODE = [constants.signals.SIGPIPE, constants.signals.SIGXFSZ, constants.signals.SIGUSR1];
const { SIGKILL, SIGSTOP } = constants.signals;
const LAST_SIGNAL = 31;

/**
 * What bin/mandate noted: `<soft limit> <SigIgn of /proc/PID/status>`. Node resets ignored signals, and `nohup mandate run` means that
 * the command ignores its hang-up.
 */
export function startOf(noted: string | undefined): { readonly openFiles: bigint | undefined; readonly ignored: readonly number[] } {
  const [, soft, mask] = /^(\d{1,19}|unlimited) ([0-9a-f]{16})$/.exec(noted ?? '') ?? [];
  if (soft === undefined || mask === undefined) return { openFiles: undefined, ignored: [] };
  const bits = BigInt(`0x${mask}`);
  const signals = Array.from({ length: LAST_SIGNAL }, (_, index) => index + 1);
  return {
    openFiles: limitValue(soft),
    ignored: signals.filter((signal) => signal !== SIGKILL && signal !== SIGSTOP && (bits >> BigInt(signal - 1)) & 1n),
  };
}

function execOrShell(path: string, argv: readonly Buffer[], env: readonly Buffer[]): never {
  try {
    execve(path, argv, env);
  } catch (thrown) {
    if (!(thrown instanceof KernelError) || thrown.code !== 'ENOEXEC') throw thrown;
    execve(SHELL, [Buffer.from(SHELL), Buffer.from(path), ...argv.slice(1)], env);
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
 * Limits on open files of a process. Node raises its soft one to the hard one at its start; where nobody noted what it was, our parent's
 * are the best guess. Undefined where they cannot be read; then the raised one stays.
 */
function limitsOf(pid: number | 'self'): { readonly soft: bigint; readonly hard: bigint } | undefined {
  try {
    return openFileLimits(readFileSync(`/proc/${pid}/limits`, 'latin1'));
  } catch {
    return undefined;
  }
}

const INFINITY = 2n ** 64n - 1n;

/** The `Max open files` line of /proc/PID/limits. */
export function openFileLimits(limits: string): { readonly soft: bigint; readonly hard: bigint } | undefined {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)\s/m.exec(limits) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  return { soft: limitValue(soft), hard: limitValue(hard) };
}

const limitValue = (text: string): bigint => (text === 'unlimited' ? INFINITY : BigInt(text));
