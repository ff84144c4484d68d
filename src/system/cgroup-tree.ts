import { readFileSync, statSync } from 'node:fs';
import { cgroup2Mounts } from '../domain/cgroup-text';
import type { Cgroups } from '../domain/attestation';

const GROUP_OR_OTHERS_WRITE = 0o022;
const MAX_DEPTH = 32;

/** Where a /proc/PID/mountinfo text shows the cgroup v2 tree from its root; other mounts show a part of it. */
export const unifiedMount = (mountinfo: string): string | undefined => cgroup2Mounts(mountinfo).find(({ root }) => root === '/')?.at;

/** The cgroup v2 tree of this machine, as it is mounted where the node runs; without one nobody is known to be root. */
export function cgroupTree(mount = unifiedMount(readFileSync('/proc/self/mountinfo', 'latin1'))): Cgroups {
  return {
    onlyRootMoves(folder) {
      const names = folder.split('/').filter((name) => name !== '');
      // A path that begins with `..` lies outside of what the mount shows.
      if (mount === undefined || names.length > MAX_DEPTH || names.includes('..')) return false;
      return [0, ...names.keys()].every((_, at) => rootOwns([mount, ...names.slice(0, at)].join('/')));
    },
  };
}

/** The folder, in which groups are made, and the file by which processes are moved. */
function rootOwns(folder: string): boolean {
  try {
    return [folder, `${folder}/cgroup.procs`].every((path) => {
      const { uid, mode } = statSync(path);
      return uid === 0 && (mode & GROUP_OR_OTHERS_WRITE) === 0;
    });
  } catch {
    return false;
  }
}
