import { checked } from './libc';

/**
 * POSIX access lists as the kernel keeps them with a file (acl(5), linux/posix_acl_xattr.h): a version, and entries of tag, permissions
 * and id in the order of tag and id.
 */

const ATTRIBUTE = 'system.posix_acl_access';
const VERSION = 2;
const ENTRY_BYTES = 8;
const TAG = { owner: 0x01, user: 0x02, group: 0x04, mask: 0x10, others: 0x20 } as const;
const NO_ID = 0xffffffff;

type Entry = readonly [tag: number, permissions: number, id: number];

/** The list that leaves a file as open as `mode` says, but shut to these users. Its size in bytes grows by eight for each. */
export function listWithout(uids: readonly number[], mode: number): Buffer {
  const shut = [...uids].sort((a, b) => a - b).map((uid): Entry => [TAG.user, 0, uid]);
  const entries: readonly Entry[] = [
    [TAG.owner, (mode >> 6) & 7, NO_ID],
    ...shut,
    [TAG.group, (mode >> 3) & 7, NO_ID],
    [TAG.mask, (mode >> 3) & 7, NO_ID],
    [TAG.others, mode & 7, NO_ID],
  ];
  const list = Buffer.alloc(4 + entries.length * ENTRY_BYTES);
  list.writeUInt32LE(VERSION);
  entries.forEach(([tag, permissions, id], at) => {
    const offset = 4 + at * ENTRY_BYTES;
    list.writeUInt16LE(tag, offset);
    list.writeUInt16LE(permissions, offset + 2);
    list.writeUInt32LE(id, offset + 4);
  });
  return list;
}

/**
 * Shuts a file of ours to these users and opens it to all others as `mode` says; neither its owner nor root can be shut out. Throws
 * KernelError: EOPNOTSUPP where its file system has no access lists.
 */
export function shutOut(path: string, mode: number, uids: readonly number[]): void {
  const list = listWithout(uids, mode);
  checked('setxattr', path, ATTRIBUTE, list, list.length, 0);
}
