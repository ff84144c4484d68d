import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';

const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 of a regular file in lower-case hex, however large it is. Throws E_NOT_FOUND. */
export function fileSha256(cwd: string, name: string): string {
  let descriptor: number | undefined;
  try {
    // A FIFO without a writer would block the open.
    descriptor = openSync(path.resolve(cwd, name), constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile()) throw new MandateError('E_NOT_FOUND', { saw: `${name.slice(0, 200)} is no regular file` });
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) hash.update(chunk.subarray(0, read));
    return hash.digest('hex');
  } catch (cause) {
    if (cause instanceof MandateError) throw cause;
    const why = (cause as NodeJS.ErrnoException).code ?? 'cannot be read';
    throw new MandateError('E_NOT_FOUND', { saw: `${name.slice(0, 200)}: ${why}` }, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
