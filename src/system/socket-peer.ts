import { closeSync, fstatSync } from 'node:fs';
import { checked, libc } from './libc';

/** Which socket is at the other end of a unix socket (sock_diag(7), linux/unix_diag.h): the kernel's word, by the inode of ours. */

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_PEER = 2;
const ANY_STATE = 0xffffffff;
const MSG_DONTWAIT = 0x40;

/** struct nlmsghdr and struct unix_diag_req; in the answer, struct nlmsghdr and struct unix_diag_msg, which its attributes follow. */
const HEADER = 16;
const REQUEST = HEADER + 24;
const ATTRIBUTES = HEADER + 16;

/**
 * Inode of the socket that this connected unix socket speaks to, in decimal. Undefined where the kernel does not tell: the connection is
 * over, was made in another network namespace than ours, or the kernel has no unix_diag. Throws KernelError where no question can be put.
 */
export function peerSocketInode(socketFd: number): string | undefined {
  const netlink = checked('socket', AF_NETLINK, SOCK_DGRAM_CLOEXEC, NETLINK_SOCK_DIAG);
  try {
    const request = requestAbout(fstatSync(socketFd).ino);
    if (libc('send')(netlink, request, request.length, 0) !== request.length) return undefined;
    const answer = Buffer.alloc(512);
    // The kernel has answered within the send.
    const length = Number(libc('recv')(netlink, answer, answer.length, MSG_DONTWAIT));
    return peerIn(answer.subarray(0, Math.max(0, length)));
  } finally {
    closeSync(netlink);
  }
}

function requestAbout(inode: number): Buffer {
  const request = Buffer.alloc(REQUEST);
  request.writeUInt32LE(REQUEST, 0);
  request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  request.writeUInt32LE(1, 8);
  request.writeUInt8(AF_UNIX, HEADER);
  request.writeUInt32LE(ANY_STATE, HEADER + 4);
  request.writeUInt32LE(inode, HEADER + 8);
  request.writeUInt32LE(UDIAG_SHOW_PEER, HEADER + 12);
  // No cookie: the inode is of a socket that we hold open.
  request.fill(0xff, HEADER + 16);
  return request;
}

function peerIn(answer: Buffer): string | undefined {
  if (answer.length < ATTRIBUTES || answer.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) return undefined;
  const end = Math.min(answer.length, answer.readUInt32LE(0));
  for (let at = ATTRIBUTES; at + 4 <= end;) {
    const length = answer.readUInt16LE(at);
    if (length < 4 || at + length > end) return undefined;
    if (answer.readUInt16LE(at + 2) === UNIX_DIAG_PEER && length === 8) return String(answer.readUInt32LE(at + 4));
    at += (length + 3) & ~3;
  }
  return undefined;
}
