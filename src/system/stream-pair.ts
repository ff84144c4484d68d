import { checked } from './libc';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;

/** Two stream sockets that are connected to each other. Throws KernelError. */
export function streamPair(): readonly [number, number] {
  const pair = Buffer.alloc(8);
  checked('socketpair', AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair);
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}
