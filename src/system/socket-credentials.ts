import { checked, errno, KernelError, lastErrno, libc, pinnedBlock } from './libc';

/** Who is at the other end of a unix socket, by the kernel's word (unix(7), asm-generic/socket.h). */

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
  const code = lastErrno();
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
  message ??= pinnedBlock(MESSAGE.size);
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
    const code = lastErrno();
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

const MAX_PEEKED_BYTES = 1024;

/** What lies there to be read, as far as 1 KiB; it stays unread. Empty where there is nothing, or nothing more will come. */
export function peekBytes(socketFd: number): Buffer {
  const bytes = Buffer.alloc(MAX_PEEKED_BYTES);
  return bytes.subarray(0, Math.max(0, libc('recv')(socketFd, bytes, bytes.length, MSG_PEEK_DONTWAIT)));
}
