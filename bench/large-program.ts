import { closeSync, copyFileSync, ftruncateSync, openSync, statSync } from 'node:fs';

/** A copy of a program, followed by so many bytes of nothing: it runs the same, and is another one to whoever hashes it. Returns its path. */
export function largeCopy(program: string, copy: string, bytes: number): string {
  copyFileSync(program, copy);
  const fd = openSync(copy, 'r+');
  ftruncateSync(fd, statSync(copy).size + bytes);
  closeSync(fd);
  return copy;
}
