import { checked, errno, KernelError, lastErrno, libc } from './libc';

/** Readiness of descriptors that libuv does not watch for us (epoll(7)). */

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
  const code = lastErrno();
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
