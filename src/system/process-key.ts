import { closeSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { inodeOf } from './below';
import { pidfdOpen } from './pidfd';

const PID_FS_MAGIC = 0x50494446;

interface ThisBoot {
  readonly id: string;
  readonly pidfs: boolean;
  readonly pidNamespace: string;
  readonly machineMounts: string;
}

let boot: ThisBoot | undefined;

/** Facts that hold for as long as this process runs, read once. */
function thisBoot(): ThisBoot {
  if (boot === undefined) {
    const own = pidfdOpen(process.pid);
    try {
      boot = {
        id: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
        pidfs: statfsSync(`/proc/self/fd/${own}`).type === PID_FS_MAGIC,
        pidNamespace: /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '',
        machineMounts: mountsOfTheFirstProcess() ?? readlinkSync('/proc/self/ns/mnt'),
      };
    } finally {
      closeSync(own);
    }
  }
  return boot;
}

export const bootId = (): string => thisBoot().id;

/** True where a pidfd has an inode that no other process ever has (Linux 6.9). */
export const pidfdsHaveInodes = (): boolean => thisBoot().pidfs;

/**
 * The mount namespace that paths are told by, as /proc/PID/ns/mnt names it: that of process 1, which root alone can change; our own where
 * an ordinary user may not ask. A node that systemd gave mounts of its own still knows which processes see the machine's.
 */
export const machineMounts = (): string => thisBoot().machineMounts;

function mountsOfTheFirstProcess(): string | undefined {
  try {
    return readlinkSync('/proc/1/ns/mnt');
  } catch {
    return undefined;
  }
}

/**
 * Names one process for as long as the machine is up: `<boot id>:<pidfs inode>`, or `<boot id>:<pid namespace>:<pid>:<start ticks>` where
 * the kernel gives all pidfds one inode (before Linux 6.9). `startTicks` is read only then.
 */
export function processKey(pidfd: number, pid: number, startTicks: () => string): string {
  const { id, pidfs, pidNamespace } = thisBoot();
  if (pidfs) return `${id}:${inodeOf(pidfd)}`;
  return `${id}:${pidNamespace}:${pid}:${startTicks()}`;
}
