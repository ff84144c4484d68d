import koffi from 'koffi';
import { constants } from 'node:os';

/**
 * Every call to libc that Node has no word for. Nothing else in Mandate reaches past Node: what stands here can read and write any
 * memory of this process, so its callers (socket-credentials, bound-socket, accept, access-list, peer-pidfds, socket-peer, file-tables, pidfd, below, mapped-files, epoll,
 * landlock, this-process, machine-facts, given-socket, service-manager, mounts, id-map, give-up, memory-file, pseudo-terminal, child-stops,
 * release-memory) pass plain integers, names of our own, and buffers of a size that they chose.
 *
 * Linux on 64-bit little-endian machines. File descriptors are used in the same turn of the event loop in which they were read:
 * libuv closes on that thread only, so a number cannot have come to mean another file.
 */

type Argument = number | bigint | string | null | Buffer | Uint32Array | readonly (Buffer | null)[];
type Call = (...args: Argument[]) => number;

export const { errno } = constants;

/** Of two names for one number the first; reversed, since the last entry of a number stays. */
const errnoNames = new Map(
  Object.entries(errno)
    .map(([name, number]) => [number, name] as const)
    .reverse(),
);
const errnoName = (number: number): string => errnoNames.get(number) ?? `errno ${number}`;

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
  getsockname: 'int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)',
  socket: 'int socket(int domain, int type, int protocol)',
  bind: 'int bind(int fd, _In_ uint8_t *address, uint32_t size)',
  sendto: 'int64_t sendto(int fd, _In_ uint8_t *bytes, size_t length, int flags, _In_ uint8_t *address, uint32_t size)',
  recvmsg: 'int64_t recvmsg(int fd, void *message, int flags)',
  pidfdOpen: 'long syscall(long number, int pid, uint flags)',
  pidfdSendSignal: 'long syscall(long number, int pidfd, int signal, void *info, uint flags)',
  readlinkAt: 'int64_t readlinkat(int folder, const char *name, _Out_ uint8_t *target, size_t size)',
  openFileAt: 'int openat(int folder, const char *name, int flags)',
  openBytesAt: 'int openat(int folder, _In_ uint8_t *name, int flags)',
  fstatfs: 'int fstatfs(int fd, _Out_ uint8_t *statfs)',
  statx: 'int statx(int folder, const char *name, int flags, uint mask, _Out_ uint8_t *stat)',
  ioctl: 'int ioctl(int fd, ulong request, _Inout_ uint8_t *argument)',
  poll: 'int poll(_Inout_ uint8_t *fds, ulong count, int timeout)',
  pread: 'int64_t pread(int fd, _Out_ uint8_t *buffer, size_t length, int64_t offset)',
  send: 'int64_t send(int fd, _In_ uint8_t *bytes, size_t length, int flags)',
  recv: 'int64_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)',
  kcmp: 'long syscall(long number, int pid1, int pid2, int type, ulong index1, ulong index2)',
  accept4: 'int accept4(int fd, void *address, void *length, int flags)',
  socketpair: 'int socketpair(int domain, int type, int protocol, _Out_ uint8_t *pair)',
  landlockVersion: 'long syscall(long number, void *attribute, size_t size, uint flags)',
  adjtimex: 'int adjtimex(_Inout_ uint8_t *timex)',
  epollCreate: 'int epoll_create1(int flags)',
  epollControl: 'int epoll_ctl(int epoll, int operation, int fd, _In_ uint8_t *event)',
  epollWait: 'int epoll_wait(int epoll, _Out_ uint8_t *events, int limit, int timeout)',
  eventfd: 'int eventfd(uint initial, int flags)',
  prctl: 'int prctl(int option, ulong a, ulong b, ulong c, ulong d)',
  signal: 'intptr_t signal(int number, intptr_t handler)',
  sigprocmask: 'int sigprocmask(int how, _In_ uint8_t *set, void *old)',
  setxattr: 'int setxattr(const char *path, const char *name, _In_ uint8_t *value, size_t size, int flags)',
  fcntl: 'int fcntl(int fd, int command, int argument)',
  flock: 'int flock(int fd, int operation)',
  setrlimit: 'int setrlimit(int resource, _In_ uint8_t *limit)',
  landlockCreate: 'long syscall(long number, _In_ uint8_t *attributes, size_t size, uint32_t flags)',
  landlockRestrict: 'long syscall(long number, int ruleset, uint32_t flags)',
  execve: 'int execve(const char *path, const uint8_t **argv, const uint8_t **env)',
  pidfdGetfd: 'long syscall(long number, int pidfd, int fd, uint32_t flags)',
  ioctlValue: 'int ioctl(int fd, ulong request, ulong value)',
  memfdCreate: 'int memfd_create(const char *name, uint flags)',
  setpgid: 'int setpgid(int pid, int group)',
  tcsetpgrp: 'int tcsetpgrp(int fd, int group)',
  waitid: 'int waitid(int kind, uint id, _Out_ uint8_t *info, int options)',
  unshare: 'int unshare(int flags)',
  mount: 'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
  umount: 'int umount2(const char *target, int flags)',
  openAt: 'long syscall(long number, int folder, const char *path, _In_ uint8_t *how, size_t size)',
  openTree: 'long syscall(long number, int folder, const char *path, int flags)',
  mountSetattr: 'long syscall(long number, int folder, const char *path, int flags, _In_ uint8_t *attributes, size_t size)',
  moveMount: 'long syscall(long number, int from, const char *fromPath, int to, const char *toPath, uint flags)',
  keyctl: 'long syscall(long number, int operation, const char *name)',
  capset: 'int capset(_In_ uint8_t *header, _In_ uint8_t *data)',
  clone: 'int clone(void *entry, uint64_t stack, int flags, void *argument)',
  mallocTrim: 'int malloc_trim(size_t pad)',
  waitpid: 'int waitpid(int pid, void *status, int options)',
} as const;
type Name = keyof typeof declarations;

let library: ReturnType<typeof koffi.load> | undefined;
const declared = new Map<Name, Call>();

/**
 * A call whose result its caller reads; `lastErrno` says why it failed. Declared on first use: a command that makes two calls does not pay
 * for twenty.
 */
export function libc(name: Name): Call {
  let call = declared.get(name);
  if (call === undefined) {
    library ??= koffi.load(null);
    call = library.func(declarations[name]) as Call;
    declared.set(name, call);
  }
  return call;
}

export const lastErrno = (): number => koffi.errno();

/**
 * The result of a call; throws KernelError where it is negative. A signal that arrives meanwhile (a stop and its end, a profiler) says
 * nothing about what was asked: it is asked again.
 */
export function checked(name: Name, ...args: Argument[]): number {
  for (;;) {
    const result = libc(name)(...args);
    if (result >= 0) return result;
    const code = koffi.errno();
    if (code !== errno.EINTR) throw new KernelError(name, code);
  }
}

/**
 * Starts a process that does nothing but wait for a signal, in the namespaces that `flags` asks for. It runs a function of libc on a stack of
 * its own and no code of ours: a copy of a process with several threads can do little else. The caller ends it and waits for it.
 */
export function clonePaused(flags: number): number {
  libc('clone');
  const stack = pinnedBlock(PAUSED_STACK_BYTES);
  const pause: bigint = koffi.address(library!.symbol('pause', 'int'));
  return checked('clone', pause, stack.at + BigInt(PAUSED_STACK_BYTES), flags | constants.signals.SIGCHLD, null);
}

const PAUSED_STACK_BYTES = 64 * 1024;

/** Memory of koffi's own, never moved or freed, so that a structure in it may point into itself. */
export function pinnedBlock(bytes: number): { readonly at: bigint; readonly bytes: Buffer } {
  const pointer: unknown = koffi.alloc('uint8_t', bytes);
  return { at: koffi.address(pointer), bytes: Buffer.from(koffi.view(pointer, bytes)) };
}
