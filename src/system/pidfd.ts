import { checked, errno, KernelError, lastErrno, libc } from './libc';

/** What the kernel says of a process that is held by a descriptor, so that it can never come to mean another one (pidfd_open(2)). */

const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_GETFD = 438;
const PIDFD_GET_INFO = 0xc040ff0b;
const INFO_PID_CREDS_CGROUP = 0x7n;
const POLLIN = 1;

/** A pidfd of the process that has this pid now. Throws KernelError ESRCH where none has. */
export const pidfdOpen = (pid: number): number => checked('pidfdOpen', SYS_PIDFD_OPEN, pid, 0);

/** A descriptor of ours for what a descriptor of that process leads to (pidfd_getfd(2)). Throws KernelError; EBADF where it has none. */
export const descriptorOf = (pidfd: number, fd: number): number => checked('pidfdGetfd', SYS_PIDFD_GETFD, pidfd, fd, 0);

/** Sends a signal to the process behind a pidfd and to no other one (pidfd_send_signal(2)). One that has ended gets none. */
export function pidfdSignal(pidfd: number, signal: number): void {
  if (libc('pidfdSendSignal')(SYS_PIDFD_SEND_SIGNAL, pidfd, signal, null, 0) === 0) return;
  const code = lastErrno();
  if (code !== errno.ESRCH) throw new KernelError('pidfd_send_signal', code);
}

export interface PidfdInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly euid: number;
  readonly egid: number;
  /** Inode of the cgroup v2 folder in decimal; empty where the kernel does not say. */
  readonly cgroupId: string;
}

const info = Buffer.alloc(64);

/**
 * What the kernel says about the process behind a pidfd, without a path and so without a race; undefined before Linux 6.13.
 * Throws KernelError ESRCH when it is gone.
 */
export function pidfdInfo(pidfd: number): PidfdInfo | undefined {
  info.writeBigUInt64LE(INFO_PID_CREDS_CGROUP);
  if (libc('ioctl')(pidfd, PIDFD_GET_INFO, info) !== 0) {
    const code = lastErrno();
    if (code === errno.ENOTTY || code === errno.EINVAL) return undefined;
    throw new KernelError('PIDFD_GET_INFO', code);
  }
  const mask = info.readBigUInt64LE(0);
  if ((mask & 3n) !== 3n) throw new KernelError('PIDFD_GET_INFO', errno.ESRCH);
  return {
    pid: info.readUInt32LE(16),
    ppid: info.readUInt32LE(24),
    euid: info.readUInt32LE(36),
    egid: info.readUInt32LE(40),
    cgroupId: mask & 4n ? info.readBigUInt64LE(8).toString() : '',
  };
}

const entry = Buffer.alloc(8);

/** False once every thread of the process has ended, a zombie included. */
export function pidfdAlive(pidfd: number): boolean {
  entry.writeInt32LE(pidfd, 0);
  // The answer is written behind the question.
  entry.writeInt32LE(POLLIN, 4);
  return checked('poll', entry, 1, 0) === 0;
}

const oneByte = Buffer.alloc(1);

/**
 * True while the address space behind an open /proc/PID/mem lives. Address 0 is never mapped, so nothing of the process is read and
 * no page fault can be made to wait for it: an error says that the space is there, end of file that it is gone.
 */
export const memoryLives = (memFd: number): boolean => libc('pread')(memFd, oneByte, 1, 0) !== 0;
