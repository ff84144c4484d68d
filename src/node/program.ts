import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { ExeHandle } from '../domain/ports';
import type { PinnedProcess } from '../system/process-view';

/**
 * The program a launcher is about to execute, opened through the launcher's own root so that both mean the same file.
 * Only what the launcher's user may execute is opened: a root node's answer would otherwise be a hash oracle for files it may not read.
 * Throws E_RUN_NOT_FOUND or E_RUN_NOT_EXECUTABLE.
 */
export function openProgram(process: PinnedProcess, path: string): ExeHandle {
  const refuse = (why: string, cause?: unknown) => new MandateError('E_RUN_NOT_EXECUTABLE', { saw: path, why }, { cause });
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO must not hold the node up.
    fd = openSync(process.path(`root${path}`), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw new MandateError('E_RUN_NOT_FOUND', { saw: path }, { cause });
    throw refuse('the node may not read it', cause);
  }
  const stat = fstatSync(fd, { bigint: true });
  const close = () => closeSync(fd);
  if (!stat.isFile()) {
    close();
    throw refuse('it is not a regular file');
  }
  const mode = Number(stat.mode);
  if (!mayExecute(process, mode, Number(stat.uid), Number(stat.gid))) {
    close();
    throw refuse('its user may not execute it');
  }
  return { fd, inode: `${stat.dev}:${stat.ino}`, sizeBytes: Number(stat.size), ownerUid: Number(stat.uid), mode, close };
}

function mayExecute(process: PinnedProcess, mode: number, ownerUid: number, ownerGid: number): boolean {
  if (process.uid === 0) return (mode & 0o111) !== 0;
  if (process.uid === ownerUid) return (mode & 0o100) !== 0;
  const groups = /^Groups:\t(.*)$/m.exec(process.read('status'))?.[1]?.trim().split(' ').map(Number) ?? [];
  if (process.gid === ownerGid || groups.includes(ownerGid)) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
