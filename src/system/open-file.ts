import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { ExeHandle } from '../domain/attestation';
import { errnoOf } from './errno';

/** An open descriptor with the facts about its inode; the handle owns the descriptor. */
export function exeHandle(fd: number): ExeHandle {
  const stat = fstatSync(fd, { bigint: true });
  let open = true;
  return {
    fd,
    inode: `${stat.dev}:${stat.ino}`,
    sizeBytes: Number(stat.size),
    ownerUid: Number(stat.uid),
    mode: Number(stat.mode),
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/**
 * Opens a program by its path for measuring. Waits for nothing: a FIFO or device is opened without blocking and then refused.
 * Throws E_ATTEST_UNREADABLE, and E_ATTEST_FAILED for what is no regular file.
 */
export function openProgram(path: string): ExeHandle {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw new MandateError('E_ATTEST_UNREADABLE', { saw: `${errnoOf(cause)} at the program` }, { cause });
  }
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw new MandateError('E_ATTEST_FAILED', { saw: 'the program is no regular file' });
  }
  return exeHandle(fd);
}
