import { fstatSync, readSync, writeSync } from 'node:fs';
import { checked } from './libc';

/** A file without a name that holds these bytes, until its last descriptor is closed. An exec closes ours. Throws KernelError. */
export function memoryFile(bytes: Buffer): number {
  const fd = checked('memfdCreate', 'mandate', 1);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
  return fd;
}

/** What a regular file holds, or undefined where it is none or holds more than `most` bytes. Never waits for anybody. */
export function readRegular(fd: number, most: number): Buffer | undefined {
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size > most) return undefined;
  const bytes = Buffer.alloc(stat.size);
  let at = 0;
  for (let read = -1; read !== 0 && at < bytes.length; at += read) read = readSync(fd, bytes, at, bytes.length - at, at);
  return bytes.subarray(0, at);
}
