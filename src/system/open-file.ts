import { closeSync, constants, openSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import type { ExeHandle } from '../domain/attestation';
import { inodeText, isFile, knownStatOf } from './below';
import { errnoOf } from './errno';

/** An open descriptor with the facts about its inode; the handle owns the descriptor. */
export function exeHandle(fd: number): ExeHandle {
  const stat = knownStatOf(fd);
  let open = true;
  return {
    fd,
    inode: inodeText(stat),
    sizeBytes: stat.sizeBytes,
    ownerUid: stat.uid,
    mode: stat.mode,
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
  if (!isFile(knownStatOf(fd))) {
    closeSync(fd);
    throw new MandateError('E_ATTEST_FAILED', { saw: 'the program is no regular file' });
  }
  return exeHandle(fd);
}
