import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { MandateError } from '../domain/errors';
import { lockFile } from '../system/this-process';

/** Holds the state folder for this process. The kernel gives the lock back with the process, so that nothing has to be cleaned up. */
export function lockState(path: string): () => void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  if (!lockFile(fd)) {
    closeSync(fd);
    const pid = readFileSync(path, 'utf8').trim();
    throw new MandateError('E_STATE_IN_USE', { saw: `pid ${pid} holds ${path}`, fix: '`mandate status` shows it, `mandate down` ends it' });
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return () => closeSync(fd);
}

/** The living supervisor that holds the lock; undefined where nobody does. */
export function lockHolder(path: string): { readonly pid: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // Not ours to open: whoever made it may hold it.
    return pidIn(path);
  }
  try {
    return lockFile(fd) ? undefined : pidIn(path);
  } finally {
    closeSync(fd);
  }
}

function pidIn(path: string): { readonly pid: number } | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? { pid } : undefined;
  } catch {
    return undefined;
  }
}
