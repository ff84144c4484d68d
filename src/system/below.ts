import { constants } from 'node:fs';
import { checked, errno, lastErrno, libc } from './libc';

/**
 * What a name in an open folder leads to. Asked dozens of times for each newcomer and before every delivery: by way of a path below
 * /proc/self/fd each of them would be four look-ups more. Names are our own, in ASCII, unless it says otherwise.
 */

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
/** What the kernel knows of a file by itself: whoever serves it, over a network or from a process, is not asked and keeps nobody waiting. */
const AT_STATX_DONT_SYNC = 0x4000;
const O_CLOEXEC = 0o2000000;
const O_DIRECTORY = constants.O_DIRECTORY;
/** Nothing of the file is asked for: a FIFO or device is not touched, a server not woken. */
const O_PATH = 0o10000000;
const statfs = Buffer.alloc(120);
/** No link of the kernel's is longer than a page. */
const target = Buffer.alloc(4096);

/** `dev:ino` of what a name leads to, links followed, without asking whoever serves it. Throws KernelError. */
export function inodeAt(folder: number, name: string): string {
  checked('statx', folder, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, statx);
  return inodeText(read(statx));
}

/** Inode number of what a descriptor leads to. Throws KernelError. */
export const inodeOf = (fd: number): bigint => knownStatOf(fd).inode;

/** Target of a link, latin-1. Throws KernelError. */
export function linkAt(folder: number, name: string): string {
  return target.toString('latin1', 0, checked('readlinkAt', folder, name, target, target.length));
}

/** A descriptor to read from, close-on-exec. Throws KernelError. */
export const openAt = (folder: number, name: string): number => checked('openFileAt', folder, name, O_CLOEXEC);

/** The same, undefined for whatever reason there is none: most ancestors of an ordinary user's process are none of its, and an error costs more than to ask. */
export function linkIfShown(folder: number, name: string): string | undefined {
  const length = libc('readlinkAt')(folder, name, target, target.length);
  return length < 0 ? undefined : target.toString('latin1', 0, length);
}

/** Where what a descriptor leads to lies now, latin-1. Throws KernelError. */
export const pathOf = (fd: number): string => linkAt(AT_FDCWD, descriptor(fd));

/** A handle on what a name leads to, links followed: nothing of it is opened. Throws KernelError. */
export const handleOn = (folder: number, name: string): number => checked('openFileAt', folder, name, O_PATH | O_CLOEXEC);

/** What a handle leads to, open for reading, without waiting for anybody. Throws KernelError. */
export const readable = (handle: number): number =>
  checked('openFileAt', AT_FDCWD, descriptor(handle), O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY);

/** Magic number of the file system that a descriptor leads to (statfs(2)). Throws KernelError. */
export function fileSystemOf(fd: number): number {
  checked('fstatfs', fd, statfs);
  return Number(statfs.readBigUInt64LE(0));
}

/** A handle on the folder that a link leads to; it can be asked and looked into, not read. Throws KernelError. */
export const folderAt = (folder: number, name: string): number => checked('openFileAt', folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

/**
 * A handle on what a name of somebody else's stands for, latin-1, itself where it is a link; `absent` where there is nothing, `refused`
 * where it cannot be told.
 */
export function handleAt(folder: number, name: string): number | 'absent' | 'refused' {
  if (name.includes('\0')) return 'refused';
  for (;;) {
    const fd = libc('openBytesAt')(folder, Buffer.from(`${name}\0`, 'latin1'), O_PATH | constants.O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) return fd;
    const code = lastErrno();
    if (code !== errno.EINTR) return code === errno.ENOENT || code === errno.ENOTDIR ? 'absent' : 'refused';
  }
}

const descriptor = (fd: number): string => `/proc/self/fd/${fd}`;

/** What is known of an inode (statx(2)). */
export interface InodeStat {
  readonly major: number;
  readonly minor: number;
  readonly inode: bigint;
  /** With the bits of its kind. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** When anything of it was changed last. */
  readonly changedNs: bigint;
}

const STATX_BASIC_STATS = 0x7ff;
/** struct statx, which is the same on all machines. */
const STATX = { bytes: 256, uid: 20, gid: 24, mode: 28, inode: 32, size: 40, ctime: 96, mtime: 112, major: 136, minor: 140 } as const;
const statx = Buffer.alloc(STATX.bytes);

const read = (bytes: Buffer): InodeStat => ({
  major: bytes.readUInt32LE(STATX.major),
  minor: bytes.readUInt32LE(STATX.minor),
  inode: bytes.readBigUInt64LE(STATX.inode),
  mode: bytes.readUInt16LE(STATX.mode),
  uid: bytes.readUInt32LE(STATX.uid),
  gid: bytes.readUInt32LE(STATX.gid),
  sizeBytes: Number(bytes.readBigUInt64LE(STATX.size)),
  modifiedNs: nanoseconds(bytes, STATX.mtime),
  changedNs: nanoseconds(bytes, STATX.ctime),
});

const nanoseconds = (bytes: Buffer, at: number): bigint => bytes.readBigInt64LE(at) * 1_000_000_000n + BigInt(bytes.readUInt32LE(at + 8));

/** As whoever serves it says now, which may take its time. Throws KernelError. */
export const statOf = (fd: number): InodeStat => statBy(fd, 0);

/** As the kernel knows it; whoever serves it is not asked. Throws KernelError. */
export const knownStatOf = (fd: number): InodeStat => statBy(fd, AT_STATX_DONT_SYNC);

function statBy(fd: number, flags: number): InodeStat {
  checked('statx', fd, '', AT_EMPTY_PATH | flags, STATX_BASIC_STATS, statx);
  return read(statx);
}

/** `dev:ino`, with the device number as stat(2) has it (makedev(3)). */
export const inodeText = ({ major, minor, inode }: InodeStat): string => {
  const [low, high] = [BigInt(((major & 0xfff) << 8) | (minor & 0xff)), BigInt(major & ~0xfff)];
  return `${(high << 32n) | (BigInt(minor & ~0xff) << 12n) | low}:${inode}`;
};

export const isFolder = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFDIR;
export const isFile = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFREG;
export const isLink = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFLNK;
