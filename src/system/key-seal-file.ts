import { closeSync, constants, openSync, readSync } from 'node:fs';
import { MAX_SEAL_FILE_BYTES, parseSeal, SEAL_FILE, type SealedBy } from '../domain/key-seal';

/**
 * How the keys of a folder are sealed, for whoever has to fetch what opens them; undefined where they are not, or where it cannot be told. Only the server
 * opens the seal, and says what is wrong with the file: a wrong answer here is a start that fails.
 */
export function sealedBy(folder: string): SealedBy | undefined {
  let fd: number;
  try {
    fd = openSync(`${folder}/${SEAL_FILE}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(MAX_SEAL_FILE_BYTES);
    return parseSeal(bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)))?.by;
  } catch {
    return undefined; // a folder, or something else that holds no bytes
  } finally {
    closeSync(fd);
  }
}
