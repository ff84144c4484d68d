import koffi from 'koffi';
import { constants } from 'node:os';

/**
 * Every call to libc that Node has no word for. Nothing else in Mandate reaches past Node: what stands here can read and write any
 * memory of this process, so it is kept to plain integers and to buffers whose size is a constant.
 *
 * Linux on 64-bit little-endian machines. File descriptors are used in the same turn of the event loop in which they were read:
 * libuv closes on that thread only, so a number cannot have come to mean another file.
 */

type Argument = number | bigint | string | null | Buffer | Uint32Array | readonly (Buffer | null)[];
type Call = (...args: Argument[]) => number;

const { errno } = constants;

const errnoName = (number: number): string => Object.entries(errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;

/** A libc call that failed. `code` is the name of the errno, e.g. `ESRCH`. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly code: string;

  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    const code = errnoName(errno);
    super(`${call}: ${code}`);
    this.code = code;
  }
}

const declarations = {
  getsockopt: 'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
  setsockopt: 'int setsockopt(int fd, int level, int name, _In_ uint8_t *value, uint32_t length)',
  recvmsg: 'int64_t recvmsg(int fd, void *message, int flags)',
  pidfdOpen: 'long syscall(long number, int pid, uint flags)',
  ioctl: 'int ioctl(int fd, ulong request, _Inout_ uint8_t *argument)',
  poll: 'int poll(_Inout_ uint8_t *fds, ulong count, int timeout)',
  pread: 'int64_t pread(int fd, _Out_ uint8_t *buffer, size_t length, int64_t offset)',
  epollCreate: 'int epoll_create1(int flags)',
  epollControl: 'int epoll_ctl(int epoll, int operation, int fd, _In_ uint8_t *event)',
  epollWait: 'int epoll_wait(int epoll, _Out_ uint8_t *events, int limit, int timeout)',
  eventfd: 'int eventfd(uint initial, int flags)',
  prctl: 'int prctl(int option, ulong a, ulong b, ulong c, ulong d)',
  signal: 'intptr_t signal(int number, intptr_t handler)',
  sigprocmask: 'int sigprocmask(int how, _In_ uint8_t *set, void *old)',
  fcntl: 'int fcntl(int fd, int command, int argument)',
  flock: 'int flock(int fd, int operation)',
  setrlimit: 'int setrlimit(int resource, _In_ uint8_t *limit)',
  execve: 'int execve(const char *path, const uint8_t **argv, const uint8_t **env)',
} as const;
type Name = keyof typeof declarations;

let library: ReturnType<typeof koffi.load> | undefined;
const declared = new Map<Name, Call>();

/** Declared on first use: a command that makes two calls does not pay for seventeen. */
function libc(name: Name): Call {
  let call = declared.get(name);
  if (call === undefined) {
    library ??= koffi.load(null);
    call = library.func(declarations[name]) as Call;
    declared.set(name, call);
  }
  return call;
}

/** A signal that arrives meanwhile (a stop and its end, a profiler) says nothing about what was asked: it is asked again. */
function checked(name: Name, ...args: Argument[]): number {
  for (;;) {
    const result = libc(name)(...args);
    if (result >= 0) return result;
    const code = koffi.errno();
    if (code !== errno.EINTR) throw new KernelError(name, code);
  }
}

// sockets (asm-generic/socket.h)
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const optionLength = new Uint32Array(1);
const credentialBytes = Buffer.alloc(12);

const credentialsAt = (bytes: Buffer, offset: number): Credentials => ({
  pid: bytes.readInt32LE(offset),
  uid: bytes.readUInt32LE(offset + 4),
  gid: bytes.readUInt32LE(offset + 8),
});

/** Who connected: pid, effective uid and gid at the moment of connect(2). The pid is 0 where our pid namespace does not show it. */
export function peerCredentials(socketFd: number): Credentials {
  optionLength[0] = credentialBytes.length;
  checked('getsockopt', socketFd, SOL_SOCKET, SO_PEERCRED, credentialBytes, optionLength);
  return credentialsAt(credentialBytes, 0);
}

/** A pidfd of the process that connected, close-on-exec; undefined where the kernel has none to give (before Linux 6.5). */
export function peerPidfd(socketFd: number): number | undefined {
  const value = Buffer.alloc(4);
  optionLength[0] = value.length;
  if (libc('getsockopt')(socketFd, SOL_SOCKET, SO_PEERPIDFD, value, optionLength) === 0) return value.readInt32LE(0);
  const code = koffi.errno();
  if (code === errno.ENOPROTOOPT) return undefined;
  throw new KernelError('SO_PEERPIDFD', code);
}

/** Makes every socket accepted from this listener carry the credentials of whoever writes to it. */
export function passCredentials(listenerFd: number): void {
  const on = Buffer.alloc(4);
  on.writeInt32LE(1);
  checked('setsockopt', listenerFd, SOL_SOCKET, SO_PASSCRED, on, on.length);
}

// One block for recvmsg: struct msghdr (56 bytes), struct iovec (16), one byte of data, and the control message.
const MESSAGE = { iovec: 56, data: 72, control: 80, size: 256 };
const CONTROL_BYTES = 64;
const MSG_PEEK_DONTWAIT = 0x2 | 0x40;
const SCM_CREDENTIALS = 2;
let message: { readonly at: bigint; readonly bytes: Buffer } | undefined;

function messageBlock(): { readonly at: bigint; readonly bytes: Buffer } {
  if (message === undefined) {
    // Memory of koffi's own, never moved or freed: the structure points into itself.
    const pointer: unknown = koffi.alloc('uint8_t', MESSAGE.size);
    message = { at: koffi.address(pointer), bytes: Buffer.from(koffi.view(pointer, MESSAGE.size)) };
  }
  const { at, bytes } = message;
  bytes.fill(0);
  bytes.writeBigUInt64LE(at + BigInt(MESSAGE.iovec), 16);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(at + BigInt(MESSAGE.control), 32);
  bytes.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
  bytes.writeBigUInt64LE(at + BigInt(MESSAGE.data), MESSAGE.iovec);
  bytes.writeBigUInt64LE(1n, MESSAGE.iovec + 8);
  return message;
}

/**
 * Who wrote the first unread byte, which stays unread: `empty` while there is none, `closed` at the end of the stream. Needs
 * `passCredentials` on the listener. Pid 0: written from a pid namespace that ours does not show, or before the option was set.
 */
export function peekSender(socketFd: number): Credentials | 'empty' | 'closed' {
  const { at, bytes } = messageBlock();
  const received = libc('recvmsg')(socketFd, at, MSG_PEEK_DONTWAIT);
  if (received < 0) {
    const code = koffi.errno();
    if (code === errno.EAGAIN || code === errno.EINTR) return 'empty';
    throw new KernelError('recvmsg', code);
  }
  if (received === 0) return 'closed';
  const length = Number(bytes.readBigUInt64LE(40));
  const { control } = MESSAGE;
  if (length < 28 || bytes.readInt32LE(control + 8) !== SOL_SOCKET || bytes.readInt32LE(control + 12) !== SCM_CREDENTIALS) {
    return { pid: 0, uid: -1, gid: -1 };
  }
  return credentialsAt(bytes, control + 16);
}

// processes
const SYS_PIDFD_OPEN = 434;
const PIDFD_GET_INFO = 0xc040ff0b;
const INFO_PID_CREDS_CGROUP = 0x7n;
const POLLIN = 1;

/** A pidfd of the process that has this pid now. Throws KernelError ESRCH where none has. */
export const pidfdOpen = (pid: number): number => checked('pidfdOpen', SYS_PIDFD_OPEN, pid, 0);

export interface PidfdInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly euid: number;
  readonly egid: number;
  /** Inode of the cgroup v2 folder in decimal; empty where the kernel does not say. */
  readonly cgroupId: string;
}

/**
 * What the kernel says about the process behind a pidfd, without a path and so without a race; undefined before Linux 6.13.
 * Throws KernelError ESRCH when it is gone.
 */
export function pidfdInfo(pidfd: number): PidfdInfo | undefined {
  const info = Buffer.alloc(64);
  info.writeBigUInt64LE(INFO_PID_CREDS_CGROUP);
  if (libc('ioctl')(pidfd, PIDFD_GET_INFO, info) !== 0) {
    const code = koffi.errno();
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

/** False once every thread of the process has ended, a zombie included. */
export function pidfdAlive(pidfd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(pidfd, 0);
  entry.writeInt16LE(POLLIN, 4);
  return checked('poll', entry, 1, 0) === 0;
}

const oneByte = Buffer.alloc(1);

/**
 * True while the address space behind an open /proc/PID/mem lives. Address 0 is never mapped, so nothing of the process is read and
 * no page fault can be made to wait for it: an error says that the space is there, end of file that it is gone.
 */
export const memoryLives = (memFd: number): boolean => libc('pread')(memFd, oneByte, 1, 0) !== 0;

// readiness
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLLIN_ONESHOT = (1 | (1 << 30)) >>> 0;
/** struct epoll_event is packed on x86-64 only. */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };
const EVENTS_AT_ONCE = 64;

export const epollCreate = (): number => checked('epollCreate', EPOLL_CLOEXEC);

/** Reports `token` (a safe integer) once, when `fd` becomes readable. Closing `fd` ends it; adding it again arms it anew. */
export function epollAdd(epoll: number, fd: number, token: number): void {
  const event = Buffer.alloc(EVENT.size);
  event.writeUInt32LE(EPOLLIN_ONESHOT, 0);
  event.writeBigUInt64LE(BigInt(token), EVENT.data);
  if (libc('epollControl')(epoll, EPOLL_CTL_ADD, fd, event) === 0) return;
  const code = koffi.errno();
  if (code !== errno.EEXIST) throw new KernelError('epoll_ctl', code);
  checked('epollControl', epoll, EPOLL_CTL_MOD, fd, event);
}

/** Blocks this thread until something is readable; the tokens of what is. */
export function epollWait(epoll: number): number[] {
  const events = Buffer.alloc(EVENT.size * EVENTS_AT_ONCE);
  const count = checked('epollWait', epoll, events, EVENTS_AT_ONCE, -1);
  return Array.from({ length: count }, (_, i) => Number(events.readBigUInt64LE(i * EVENT.size + EVENT.data)));
}

/** An eventfd, close-on-exec: readable after eight bytes were written to it. */
export const eventFd = (): number => checked('eventfd', 0, EPOLL_CLOEXEC);

// this process
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const SIGNAL = { default: 0, ignore: 1 } as const;

/** After `false`, no other process of this user can read our memory, environment or descriptors. Undone by the next exec. */
export const setDumpable = (dumpable: boolean): void => void checked('prctl', PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
export const dumpable = (): boolean => checked('prctl', PR_GET_DUMPABLE, 0, 0, 0, 0) === 1;

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
  if (koffi.errno() === errno.EWOULDBLOCK) return false;
  throw new KernelError('flock', koffi.errno());
}
