import { readFileSync, statSync } from 'node:fs';
import type { Cgroups } from '../domain/ports';

const GROUP_OR_OTHERS_WRITE = 0o022;
const MAX_DEPTH = 32;

/** Mount points of cgroup v2 in a /proc/PID/mountinfo text that show the tree from its root; others show a part of it. */
export function unifiedMount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [mount = '', type = ''] = line.split(' - ');
    const [, , , root, point] = mount.split(' ');
    if (type.startsWith('cgroup2 ') && root === '/' && point !== undefined && !point.includes('\\')) return point;
  }
  return undefined;
}

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
