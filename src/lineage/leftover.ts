import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync, writeSync, ftruncateSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';
import type { Clock, Log } from '../domain/ports';
import { waitUntil } from './wait';

/** What `postmaster.pid` says (PostgreSQL: miscinit.h): line 1 pid, line 3 start time, line 8 state. */
export interface PidFile {
  readonly pid: number;
  readonly startedAtSeconds: number;
  readonly ready: boolean;
}

const MAX_PID_FILE = 4096;

/**
 * Opens the pid file without trusting the account that owns its folder: no link is followed, no FIFO waited for, and only a plain file
 * of the expected owner counts.
 */
function withPidFile<T>(data: string, ownerUid: number, flags: number, use: (fd: number, text: string) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path.join(data, 'postmaster.pid'), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MandateError('E_DB_START', { saw: 'postmaster.pid is not a plain file' }, { cause: error });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.uid !== ownerUid || stat.nlink !== 1)
      throw new MandateError('E_DB_START', { saw: 'postmaster.pid is not a file of the database' });
    const buffer = Buffer.alloc(MAX_PID_FILE);
    return use(fd, buffer.toString('latin1', 0, readSync(fd, buffer, 0, MAX_PID_FILE, 0)));
  } finally {
    closeSync(fd);
  }
}

/** What the pid file says; undefined where there is none or it is not written yet. */
export function readPidFile(data: string, ownerUid: number): PidFile | undefined {
  return withPidFile(data, ownerUid, constants.O_RDONLY, (_fd, text) => {
    const lines = text.split('\n');
    const pid = Number(lines[0]);
    if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
    return { pid, startedAtSeconds: Number(lines[2]), ready: lines[7]?.trim() === 'ready' };
  });
}

/** Start time of a process in clock ticks since boot, as text; undefined when it is gone. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** True where the process works in this very data folder, as every PostgreSQL process of it does and no other. */
function worksIn(pid: number, data: string): boolean {
  try {
    const [cwd, folder] = [statSync(`/proc/${pid}/cwd`), statSync(data)];
    return cwd.ino === folder.ino && cwd.dev === folder.dev;
  } catch {
    return false;
  }
}

/**
 * Ends a PostgreSQL that outlived its supervisor, and makes a stale pid file harmless. A process is signalled only while it still is the
 * one that was recognised: same start time, working in this data folder. Throws E_DB_START where it will not end.
 */
export async function endLeftover(data: string, ownerUid: number, clock: Clock, log: Log): Promise<void> {
  const file = readPidFile(data, ownerUid);
  if (file === undefined) return;
  const ticks = startTicks(file.pid);
  const same = () => startTicks(file.pid) === ticks && worksIn(file.pid, data);
  if (ticks === undefined || !same()) {
    // The pid now belongs to something else, or to nothing. PostgreSQL would refuse to start over a pid that lives, and removing the
    // file would lose what it remembers about shared memory still in use; it ignores the pid of its own parent, so ours goes in.
    withPidFile(data, ownerUid, constants.O_RDWR, (fd, text) => {
      const rest = text.slice(text.indexOf('\n'));
      ftruncateSync(fd, 0);
      writeSync(fd, `${process.pid}${rest}`, 0, 'latin1');
    });
    return;
  }
  log.warn({ pid: file.pid }, 'ending a PostgreSQL that an earlier run left behind');
  for (const [signal, waitMs] of [
    ['SIGINT', 2000],
    ['SIGQUIT', 2000],
    ['SIGKILL', 2000],
  ] as const) {
    if (!same()) return;
    try {
      process.kill(file.pid, signal);
    } catch {
      return; // it ended meanwhile
    }
    if (await waitUntil(clock, waitMs, () => !same())) return;
  }
  throw new MandateError('E_DB_START', { saw: `PostgreSQL with pid ${file.pid} of an earlier run does not end` });
}
