import { closeSync, readSync } from 'node:fs';
import { openAt } from './below';

const MAX_ARGUMENT_BYTES = 64 * 1024;
const MAX_ENVIRONMENT_BYTES = 1024 * 1024;
const MAX_VARIABLES = 1024;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

export interface OwnWordsRead {
  readonly args: readonly string[];
  readonly variables: readonly string[];
  readonly places: readonly (readonly [string, string])[];
}

/** Arguments and names of variables of the process of this /proc folder; of values only those of `places`. */
export function readOwnWords(folder: number, places: readonly string[]): OwnWordsRead {
  const args = strings(readUpTo(folder, 'cmdline', MAX_ARGUMENT_BYTES), MAX_ARGUMENT_BYTES);
  const variables: string[] = [];
  const found: [string, string][] = [];
  for (const entry of strings(readUpTo(folder, 'environ', MAX_ENVIRONMENT_BYTES), MAX_ENVIRONMENT_BYTES)) {
    const sign = entry.indexOf('=');
    const name = entry.slice(0, sign);
    if (sign < 1 || !NAME.test(name) || variables.length >= MAX_VARIABLES) continue;
    variables.push(name);
    if (places.includes(name)) found.push([name, entry.slice(sign + 1)]);
  }
  return { args, variables, places: found };
}

/** Strings that end in NUL; one that was cut off by the bound is dropped. */
function strings(bytes: Buffer, bound: number): string[] {
  if (bytes.length === 0) return [];
  const all = bytes.toString('latin1').split('\0');
  const ended = bytes.at(-1) === 0;
  return ended || bytes.length === bound ? all.slice(0, -1) : all;
}

const chunk = Buffer.allocUnsafeSlow(16 * 1024);

/** At most `max` bytes of a file that the kernel writes as it is read. */
export function readUpTo(folder: number, file: string, max: number): Buffer {
  const fd = openAt(folder, file);
  try {
    const read: Buffer[] = [];
    let at = 0;
    for (let length = 1; length > 0 && at < max; at += length) {
      length = readSync(fd, chunk, 0, Math.min(chunk.length, max - at), at);
      read.push(Buffer.from(chunk.subarray(0, length)));
    }
    return Buffer.concat(read);
  } finally {
    closeSync(fd);
  }
}
