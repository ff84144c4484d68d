import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, readSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { Clock } from '../domain/ports';
import { openLogFile } from '../system/log-file';
import { readPidFile } from './leftover';
import type { Programs } from './programs';
import { waitUntil } from './wait';

export interface Postmaster {
  readonly pid: number;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Fast shutdown, after two seconds an immediate one; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Crash recovery replays at most `max_wal_size`; beyond this something else is wrong. */
const READY_TIMEOUT_MS = 120_000;
const FAST_SHUTDOWN_MS = 2000;

/**
 * Starts PostgreSQL as a child in a session of its own, so that a Ctrl-C meant for us does not reach it, and waits until it accepts
 * connections. What it logs goes to `logFile`. Throws E_DB_START with its last words.
 */
export async function startPostmaster(
  programs: Programs,
  folders: { readonly data: string; readonly config: string; readonly hba: string; readonly logFile: string },
  ownerUid: number,
  clock: Clock,
): Promise<Postmaster> {
  const log = openLogFile(folders.logFile);
  const from = fstatSync(log).size;
  const { file, args, options } = programs.daemon(
    'postgres',
    ['-D', folders.data, '-c', `config_file=${folders.config}`, '-c', `hba_file=${folders.hba}`],
    'INT', // fast shutdown: what runs is ended, what is committed is kept
  );
  let child: ChildProcess;
  try {
    child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', log, log] });
  } catch (cause) {
    closeSync(log);
    throw new MandateError('E_DB_START', {}, { cause });
  }
  let ended = false;
  let failure: NodeJS.ErrnoException | undefined;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
    child.on('error', (error) => {
      ended = true;
      failure = error;
      resolve({ code: null, signal: null });
    });
  });
  const stop = async () => {
    if (ended) return;
    child.kill('SIGINT');
    if (await waitUntil(clock, FAST_SHUTDOWN_MS, () => ended)) return;
    child.kill('SIGQUIT'); // what was committed is in the log and comes back at the next start
    if (!(await waitUntil(clock, FAST_SHUTDOWN_MS, () => ended))) child.kill('SIGKILL');
    await exited;
  };
  const ready = () => {
    const pidFile = readPidFile(folders.data, ownerUid);
    return pidFile?.pid === child.pid && pidFile?.ready === true;
  };
  try {
    const inTime = await waitUntil(clock, READY_TIMEOUT_MS, () => ended || ready());
    if (ended || !inTime) {
      const why = failure?.code ?? tail(log, from);
      throw new MandateError(
        'E_DB_START',
        { saw: inTime ? 'PostgreSQL ended before it was ready' : 'PostgreSQL is not ready yet', why },
        { cause: failure },
      );
    }
  } catch (error) {
    await stop();
    throw error;
  } finally {
    closeSync(log);
  }
  return { pid: child.pid as number, exited, stop };
}

function tail(fd: number, from: number): string {
  const size = fstatSync(fd).size;
  const start = Math.max(from, size - 800);
  const buffer = Buffer.alloc(Math.max(0, size - start));
  readSync(fd, buffer, 0, buffer.length, start);
  return buffer
    .toString('utf8')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' | ');
}
