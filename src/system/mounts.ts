import { checked } from './libc';

/** Mounts by descriptor: what a path leads to can be changed by whoever owns a folder on the way, what a descriptor leads to cannot. */

const SYS_OPENAT2 = 437;
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_MOUNT_SETATTR = 442;

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const OPEN_TREE_CLONE = 1;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const FROM_AND_TO_ARE_DESCRIPTORS = 0x04 | 0x40;
const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000;
const MS_PRIVATE = 0x40000;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;

export const ATTR = { readOnly: 0x1n, noSetuid: 0x2n, noDevices: 0x4n, idmap: 0x100000n } as const;

/** Gives the calling thread mounts of its own, from which nothing spreads and into which nothing comes. Throws KernelError. */
export function ownMountNamespace(): void {
  checked('unshare', CLONE_NEWNS);
  checked('mount', 'none', '/', null, MS_REC | MS_PRIVATE, null);
}

/** A handle (O_PATH) on what lies at an absolute path without any link in it. Throws KernelError; ELOOP where there is one. */
export function openWithoutLinks(path: string): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0);
  how.writeBigUInt64LE(RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS, 16);
  return checked('openAt', SYS_OPENAT2, AT_FDCWD, path, how, how.length);
}

/** A mount, attached nowhere yet, of what a descriptor leads to. What is mounted below it stays away. Throws KernelError. */
export const cloneMount = (fd: number): number => checked('openTree', SYS_OPEN_TREE, fd, '', OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);

/** Sets attributes of a mount that is attached nowhere; `users` is a user namespace whose map it shows owners through. Throws KernelError. */
export function setMount(mount: number, attributes: bigint, users = 0): void {
  const wanted = Buffer.alloc(32);
  wanted.writeBigUInt64LE(attributes, 0);
  wanted.writeBigUInt64LE(BigInt(users), 24);
  checked('mountSetattr', SYS_MOUNT_SETATTR, mount, '', AT_EMPTY_PATH, wanted, wanted.length);
}

/** Attaches a mount over what another descriptor leads to. Throws KernelError. */
export const attach = (mount: number, over: number): void =>
  void checked('moveMount', SYS_MOVE_MOUNT, mount, '', over, '', FROM_AND_TO_ARE_DESCRIPTORS);

/** A tmpfs over the folder behind a descriptor. Throws KernelError. */
export const coverWithMemory = (folder: number, options: string): void =>
  void checked('mount', 'mandate', `/proc/self/fd/${folder}`, 'tmpfs', MS_NOSUID | MS_NODEV, options);

/** Takes the uppermost mount of a path away, for good once nobody uses it. Throws KernelError. */
export const uncover = (path: string): void => void checked('umount', path, MNT_DETACH);
