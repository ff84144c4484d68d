import { closeSync } from 'node:fs';
import { checked } from './libc';
import { passCredentials } from './socket-credentials';
import { unixAddress } from './unix-address';

const AF_UNIX = 1;
const STREAM_NONBLOCK_CLOEXEC = 0o2004001;

/**
 * The descriptor of a stream socket at `path` that nobody can connect to yet. What is written to a connection carries the credentials of who
 * wrote it from the first one on: with an option that is set after listen(2), a client that waits for the socket to appear gets in between,
 * and is refused for what it wrote. Throws KernelError.
 */
export function boundSocket(path: string): number {
  const fd = checked('socket', AF_UNIX, STREAM_NONBLOCK_CLOEXEC, 0);
  try {
    passCredentials(fd);
    const address = unixAddress(path);
    checked('bind', fd, address, address.length);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}
