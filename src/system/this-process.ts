import { checked, errno, KernelError, lastErrno, libc } from './libc';

/** What this process asks of the kernel about itself and its descriptors. */

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const SIGNAL = { default: 0, ignore: 1 } as const;

/** After `false`, no other process of this user can read our memory, environment or descriptors. Undone by the next exec. */
export const setDumpable = (dumpable: boolean): void => void checked('prctl', PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
export const dumpable = (): boolean => checked('prctl', PR_GET_DUMPABLE, 0, 0, 0, 0) === 1;

const PR_SET_CHILD_SUBREAPER = 36;

/** From now on, also after an exec, whoever loses its parent below us becomes our child instead of init's. */
export const adoptOrphans = (): void => void checked('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

export const disposeSignal = (number: number, disposition: keyof typeof SIGNAL): void => void libc('signal')(number, SIGNAL[disposition]);

const SIG_SETMASK = 2;
export const unblockSignals = (): void => void checked('sigprocmask', SIG_SETMASK, Buffer.alloc(128), null);

const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** Lets a descriptor live through exec, and blocks again where Node made it not. Says false where there is no such descriptor. */
export function handOver(fd: number): boolean {
  const flags = libc('fcntl')(fd, F_GETFL, 0);
  if (flags < 0) return false;
  if (flags & O_NONBLOCK) checked('fcntl', fd, F_SETFL, flags & ~O_NONBLOCK);
  checked('fcntl', fd, F_SETFD, 0);
  return true;
}

const RLIMIT_NOFILE = 7;
export function limitOpenFiles(soft: bigint, hard: bigint): void {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(soft, 0);
  limit.writeBigUInt64LE(hard, 8);
  checked('setrlimit', RLIMIT_NOFILE, limit);
}

const NUL = Buffer.alloc(1);

/** Replaces this program. Returns only by throwing: KernelError with ENOENT, EACCES, ENOEXEC, … */
export function execve(path: string, argv: readonly Buffer[], env: readonly Buffer[]): never {
  const terminated = (strings: readonly Buffer[]) => [...strings.map((bytes) => Buffer.concat([bytes, NUL])), null];
  checked('execve', path, terminated(argv), terminated(env));
  throw new KernelError('execve', errno.EIO);
}

const LOCK_EX_NB = 2 | 4;

/** Takes the whole-file lock; the kernel gives it back when the last descriptor of this opening is closed, however the holder ends. */
export function lockFile(fd: number): boolean {
  if (libc('flock')(fd, LOCK_EX_NB) === 0) return true;
  if (lastErrno() === errno.EWOULDBLOCK) return false;
  throw new KernelError('flock', lastErrno());
}
