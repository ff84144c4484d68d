import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  statSync,
  watch,
  writeSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Cgroup2Mount, cgroup2Mounts, isPopulated } from '../domain/cgroup-text';
import { errnoOf } from './errno';
import { pidfdInfo, pidfdOpen } from './pidfd';

const CGROUP2_MAGIC = 0x63677270;
/** sd_booted(3). */
const SYSTEMD = '/run/systemd/system';
/** A unit of its own that systemd delegates: in the node's unit, a restart of the node would end every agent. */
const SYSTEMD_UNIT = 'system.slice/mandate-launches.service';
const GROUP_OR_OTHERS_WRITE = 0o022;
const FOLDER_MODE = 0o755;
/** cgroupfs makes its files itself: nothing is created or cut. */
const EXISTING = { flag: 'r+' } as const;

/** Why launches get no control group of their own here; one phrase, for people. */
export interface NoGroupTree {
  readonly missing: string;
}

/**
 * The folder of control groups of one installation: each name below it is a group that only root can move processes into or out of.
 * File names are the caller's; they are ids of our own, never text from outside.
 */
export class GroupTree {
  constructor(
    readonly path: string,
    private readonly mount: Cgroup2Mount,
  ) {}

  /** Makes a group; its cgroup id in decimal. Throws where it exists: a group is never used for two things. */
  make(name: string): string {
    mkdirSync(this.#folder(name), FOLDER_MODE);
    return this.inode(name);
  }

  /** The cgroup id of a group in decimal, as PIDFD_GET_INFO tells it of its processes. Throws where there is none. */
  inode(name: string): string {
    return statSync(this.#folder(name), { bigint: true }).ino.toString();
  }

  /** Moves the process that has this pid now, all of its threads. The kernel waits for a grace period, so this is no call of the main thread. */
  async move(name: string, pid: number): Promise<void> {
    await writeFile(`${this.#folder(name)}/cgroup.procs`, String(pid), EXISTING);
  }

  /** Whether a process lives in the group or below it; false where the group is gone. */
  populated(name: string): boolean {
    try {
      return isPopulated(readFileSync(`${this.#folder(name)}/cgroup.events`, 'latin1'));
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return false;
      throw thrown;
    }
  }

  /** Calls `changed` after the group became empty or stopped being so, and at times without reason. The returned function ends it. */
  watch(name: string, changed: () => void): () => void {
    const watcher = watch(`${this.#folder(name)}/cgroup.events`, { persistent: false }, changed);
    watcher.on('error', changed);
    return () => watcher.close();
  }

  /** SIGKILL to every process in the group and below it, those that are being forked included (Linux 5.14). */
  kill(name: string): void {
    // Nobody may read this file, and a root that is held to modes could not open it for both.
    const fd = openSync(`${this.#folder(name)}/cgroup.kill`, constants.O_WRONLY);
    try {
      writeSync(fd, '1');
    } finally {
      closeSync(fd);
    }
  }

  /** How many processes are in the group itself and in those below it. */
  count(name: string): number {
    const folder = this.#folder(name);
    const own = readFileSync(`${folder}/cgroup.procs`, 'latin1').split('\n').length - 1;
    return below(folder).reduce((sum, sub) => sum + this.count(`${name}/${sub}`), own);
  }

  /** Removes an empty group with the empty ones that its processes made below it. Says whether it is gone. */
  remove(name: string): boolean {
    const folder = this.#folder(name);
    try {
      for (const sub of below(folder)) this.remove(`${name}/${sub}`);
      rmdirSync(folder);
      return true;
    } catch (thrown) {
      return errnoOf(thrown) === 'ENOENT';
    }
  }

  /** Removes the folder itself, unless a group is left in it; it is made again when it is opened. */
  close(): void {
    try {
      rmdirSync(this.path);
    } catch {
      return; // launches live on in there
    }
  }

  names(): readonly string[] {
    return below(this.path);
  }

  /**
   * The name of the group that a process is in or below, by the `0::` path that the kernel shows for it, if that path still is the group
   * of this id.
   */
  above(unifiedPath: string, cgroupId: string): string | undefined {
    const { root, at } = this.mount;
    const inMount = root === '/' ? unifiedPath : unifiedPath.startsWith(`${root}/`) ? unifiedPath.slice(root.length) : undefined;
    const folder = inMount === undefined ? undefined : `${at}${inMount}`;
    if (folder === undefined || !folder.startsWith(`${this.path}/`)) return undefined;
    try {
      if (statSync(folder, { bigint: true }).ino.toString() !== cgroupId) return undefined;
    } catch {
      return undefined;
    }
    return folder.slice(this.path.length + 1).split('/')[0];
  }

  #folder(name: string): string {
    return `${this.path}/${name}`;
  }
}

const below = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

/**
 * The installation's folder of control groups, found or made: below the root of cgroup2, or where systemd runs below the unit that it
 * delegates for this. Never throws: why there is none is something to record, not to stop for.
 */
export function openGroupTree(name: string, uid: number): GroupTree | NoGroupTree {
  if (uid !== 0) return { missing: 'the node does not run as root' };
  try {
    if (!tellsGroups()) return { missing: 'the kernel does not tell the control group of a pidfd (Linux 6.13)' };
    const mount = cgroup2Mounts(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ at }) => isCgroup2(at));
    if (mount === undefined) return { missing: 'cgroup2 is not mounted' };
    const parent = existsSync(SYSTEMD) ? `${mount.at}/${SYSTEMD_UNIT}` : mount.at;
    if (!existsSync(parent)) return { missing: `systemd runs, and there is no unit ${SYSTEMD_UNIT.split('/').at(-1)}` };
    const path = `${parent}/${name}`;
    if (!existsSync(path)) mkdirSync(path, FOLDER_MODE);
    const { uid: owner, mode } = lstatSync(path);
    // Whoever may write to a folder above a process may move it: that must be root alone, or membership could be left.
    if (owner !== 0 || mode & GROUP_OR_OTHERS_WRITE) return { missing: "the folder of control groups is not root's alone" };
    return isCgroup2(path) ? new GroupTree(path, mount) : { missing: 'the folder of control groups is no control group' };
  } catch (thrown) {
    return { missing: `${errnoOf(thrown)} at the control groups` };
  }
}

/** What looks like a mount point may be covered by another mount, in which mkdir makes folders and no groups. */
function isCgroup2(path: string): boolean {
  try {
    return statfsSync(path).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
}

function tellsGroups(): boolean {
  const own = pidfdOpen(process.pid);
  try {
    return (pidfdInfo(own)?.cgroupId ?? '') !== '';
  } finally {
    closeSync(own);
  }
}
