import { checked, errno, KernelError, lastErrno, libc } from './libc';

/** What a socket that listens has in its queue, without an event loop (accept(2), poll(2)). */

const NONBLOCK_CLOEXEC = 0o2004000;
const POLLHUP = 0x10;
/** struct pollfd. */
const asked = Buffer.alloc(8);

/** The next connection, close-on-exec; undefined where nobody waits. Throws KernelError: EMFILE where no descriptor is left. */
export function acceptNext(listener: number): number | undefined {
  for (;;) {
    const fd = libc('accept4')(listener, null, null, NONBLOCK_CLOEXEC);
    if (fd >= 0) return fd;
    const code = lastErrno();
    if (code === errno.EAGAIN) return undefined;
    if (code !== errno.EINTR && code !== errno.ECONNABORTED) throw new KernelError('accept4', code);
  }
}

/** True where the other end is closed: nobody would hear an answer. */
export function hungUp(fd: number): boolean {
  asked.writeInt32LE(fd);
  asked.writeInt32LE(0, 4);
  return checked('poll', asked, 1, 0) > 0 && (asked.readUInt16LE(6) & POLLHUP) !== 0;
}
