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

/** What is known of what a name leads to, links followed; whoever serves it is not asked. Throws KernelError. */
export function knownStatAt(folder: number, name: string): InodeStat {
  checked('statx', folder, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, statx);
  return statRead();
}

/** The same as `dev:ino`. */
export const inodeAt = (folder: number, name: string): string => inodeText(knownStatAt(folder, name));

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
}

const STATX_BASIC_STATS = 0x7ff;
/** struct statx, which is the same on all machines. */
const STATX = { bytes: 256, uid: 20, gid: 24, mode: 28, inode: 32, size: 40, ctime: 96, mtime: 112, major: 136, minor: 140 } as const;
const statx = Buffer.alloc(STATX.bytes);

const statRead = (): InodeStat => ({
  major: statx.readUInt32LE(STATX.major),
  minor: statx.readUInt32LE(STATX.minor),
  inode: statx.readBigUInt64LE(STATX.inode),
  mode: statx.readUInt16LE(STATX.mode),
  uid: statx.readUInt32LE(STATX.uid),
  gid: statx.readUInt32LE(STATX.gid),
  sizeBytes: Number(statx.readBigUInt64LE(STATX.size)),
});

/** As whoever serves it says now, which may take its time. Throws KernelError. */
export const statOf = (fd: number): InodeStat => statBy(fd, 0);

/** As the kernel knows it; whoever serves it is not asked. Throws KernelError. */
export const knownStatOf = (fd: number): InodeStat => statBy(fd, AT_STATX_DONT_SYNC);

function statBy(fd: number, flags: number): InodeStat {
  checked('statx', fd, '', AT_EMPTY_PATH | flags, STATX_BASIC_STATS, statx);
  return statRead();
}

/** A version of an inode, as far as its stamps tell. */
export interface InodeVersion {
  readonly stat: InodeStat;
  /** Equal as long as the inode is the same one and was not changed. */
  readonly text: string;
  readonly changedAtMs: number;
}

/** As `knownStatOf`. */
export function knownVersionOf(fd: number): InodeVersion {
  const stat = knownStatOf(fd);
  const [modified, changed] = [stampAt(STATX.mtime), stampAt(STATX.ctime)];
  return {
    stat,
    text: `${inodeText(stat)}:${stat.sizeBytes}:${modified.seconds}.${modified.nanoseconds}:${changed.seconds}.${changed.nanoseconds}`,
    changedAtMs: changed.seconds * 1000 + changed.nanoseconds / 1e6,
  };
}

const stampAt = (at: number) => ({ seconds: Number(statx.readBigInt64LE(at)), nanoseconds: statx.readUInt32LE(at + 8) });

/** `dev:ino`, with the device number as stat(2) has it (makedev(3)). */
export const inodeText = ({ major, minor, inode }: InodeStat): string =>
  `${(major >>> 12) * 2 ** 44 + (minor >>> 8) * 2 ** 20 + (major & 0xfff) * 2 ** 8 + (minor & 0xff)}:${inode}`;

export const isFolder = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFDIR;
export const isFile = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFREG;
export const isLink = ({ mode }: InodeStat): boolean => (mode & constants.S_IFMT) === constants.S_IFLNK;
