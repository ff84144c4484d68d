import { closeSync } from 'node:fs';
import { KernelError, libc } from './libc';
import { peerPidfd } from './socket-credentials';

const [AF_UNIX, SOCK_STREAM] = [1, 1];

/** True where the kernel gives a pidfd of whoever connected (Linux 6.5), tried on a connection to ourselves. */
export function connectionsHavePidfds(): boolean {
  const pair = Buffer.alloc(8);
  if (libc('socketpair')(AF_UNIX, SOCK_STREAM, 0, pair) !== 0) return false;
  const ends = [pair.readInt32LE(0), pair.readInt32LE(4)];
  try {
    const pidfd = peerPidfd(ends[0]!);
    if (pidfd !== undefined) closeSync(pidfd);
    return pidfd !== undefined;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  } finally {
    ends.forEach((end) => closeSync(end));
  }
}
