import { closeSync, constants, fchmodSync, fstatSync, openSync, renameSync } from 'node:fs';

const MAX_LOG_BYTES = 16 * 1024 * 1024;
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** A log open for appending, for its owner alone. One that has grown beyond 16 MiB is put aside as `FILE.1` first. */
export function openLogFile(file: string): number {
  let fd = openSync(file, FLAGS, 0o600);
  if (fstatSync(fd).size > MAX_LOG_BYTES) {
    closeSync(fd);
    renameSync(file, `${file}.1`);
    fd = openSync(file, FLAGS, 0o600);
  }
  fchmodSync(fd, 0o600);
  return fd;
}
