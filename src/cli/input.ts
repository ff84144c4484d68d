import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { MandateError } from '../domain/errors';

/** Bytes of a file named on a command line; `-` is standard input. Throws E_NOT_FOUND, and E_REQUEST for more than `most` bytes. */
export function readInput(cwd: string, name: string, most: number): Buffer {
  const file = name === '-' ? 0 : path.resolve(cwd, name);
  let bytes: Buffer;
  try {
    if (file !== 0 && statSync(file).size > most)
      throw new MandateError('E_REQUEST', { saw: `${name.slice(0, 200)} is larger than ${most} bytes` });
    bytes = readFileSync(file);
  } catch (cause) {
    if (cause instanceof MandateError) throw cause;
    throw new MandateError(
      'E_NOT_FOUND',
      { saw: `${name.slice(0, 200)}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}` },
      { cause },
    );
  }
  if (bytes.length > most) throw new MandateError('E_REQUEST', { saw: `more than ${most} bytes` });
  return bytes;
}
