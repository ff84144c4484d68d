import { closeSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { checked, clonePaused } from './libc';

const CLONE_NEWUSER = 0x10000000;

export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Calls `use` with a user namespace in which one owner on disk is seen as another. Nobody lives in it: the process that it was made by ends
 * before this returns. Throws KernelError.
 */
export function withIdMap<T>(onDisk: Ids, seen: Ids, use: (namespace: number) => T): T {
  const pid = clonePaused(CLONE_NEWUSER);
  let namespace: number | undefined;
  try {
    writeFileSync(`/proc/${pid}/uid_map`, `${onDisk.uid} ${seen.uid} 1`);
    writeFileSync(`/proc/${pid}/gid_map`, `${onDisk.gid} ${seen.gid} 1`);
    namespace = openSync(`/proc/${pid}/ns/user`, 'r');
    return use(namespace);
  } finally {
    if (namespace !== undefined) closeSync(namespace);
    process.kill(pid, constants.signals.SIGKILL);
    checked('waitpid', pid, null, 0);
  }
}
