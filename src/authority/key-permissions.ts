import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MandateError } from '../domain/errors';

const OTHERS = 0o077;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/** The uid that this process acts under. */
export const ownUid = (): number => process.geteuid?.() ?? -1;

export const keyFileFault = (path: string, why: string, fix: string): MandateError =>
  new MandateError('E_KEY_FILE', { saw: path, why, fix });

/** Throws E_KEY_FILE where an open key file is not a plain file of ours alone. */
export function checkKeyFile(path: string, stat: Stats): void {
  if (!stat.isFile()) throw keyFileFault(path, 'it is not a regular file', 'restore it from a backup of the state folder');
  checkOwner(path, stat);
  if ((stat.mode & OTHERS) !== 0) throw keyFileFault(path, `its mode is ${octal(stat)}: others can read or change it`, `chmod 600 ${path}`);
  if (stat.nlink !== 1) throw keyFileFault(path, `it has ${stat.nlink} names`, 'remove the other hard links');
}

/**
 * Throws E_KEY_FILE where the key folder is not ours alone, or where anyone could rename one of its parents and put another folder in
 * its place. A sticky parent (`/tmp`) lets only the owner rename.
 */
export async function checkKeyFolder(folder: string): Promise<void> {
  const stat = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    throw keyFileFault(folder, `it cannot be reached (${error.code ?? 'unknown'})`, 'restore it from a backup of the state folder');
  });
  if (!stat.isDirectory()) throw keyFileFault(folder, 'it is not a folder, or a link to one', 'put the folder itself there');
  checkOwner(folder, stat);
  if ((stat.mode & OTHERS) !== 0) throw keyFileFault(folder, `its mode is ${octal(stat)}: others can enter it`, `chmod 700 ${folder}`);
  for (let child = folder, parent = dirname(folder); parent !== child; child = parent, parent = dirname(parent)) {
    const { mode } = await lstat(parent);
    if ((mode & WORLD_WRITABLE) !== 0 && (mode & STICKY) === 0)
      throw keyFileFault(folder, `everyone can change its parent ${parent}`, `chmod o-w ${parent}`);
  }
}

function checkOwner(path: string, stat: Stats): void {
  const own = ownUid();
  if (stat.uid !== own) throw keyFileFault(path, `it belongs to uid ${stat.uid}, not to ${own}`, `chown ${own} ${path}`);
}

const octal = (stat: Stats): string => (stat.mode & 0o7777).toString(8).padStart(4, '0');
