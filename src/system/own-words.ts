import { closeSync, readSync } from 'node:fs';
import type { OwnWords } from '../domain/attestation';
import { openAt } from './below';

const MAX_ARGUMENT_BYTES = 64 * 1024;
const MAX_ENVIRONMENT_BYTES = 1024 * 1024;

/** Variables that are looked for. */
export interface WantedVariables {
  /** Only whether they are there counts. */
  readonly names: ReadonlySet<string>;
  /** Their values say where programs look for their files. */
  readonly places: ReadonlySet<string>;
}

/** Arguments and wanted variables of the process of this /proc folder. */
export function readOwnWords(folder: number, { names, places }: WantedVariables): OwnWords {
  const args = strings(readUpTo(folder, 'cmdline', MAX_ARGUMENT_BYTES, true), MAX_ARGUMENT_BYTES);
  const variables = new Set<string>();
  const said = new Map<string, string>();
  for (const entry of strings(readUpTo(folder, 'environ', MAX_ENVIRONMENT_BYTES, true), MAX_ENVIRONMENT_BYTES)) {
    const sign = entry.indexOf('=');
    const name = entry.slice(0, sign);
    if (sign < 1) continue;
    if (names.has(name)) variables.add(name);
    if (places.has(name)) said.set(name, entry.slice(sign + 1));
  }
  return { args, variables, places: said };
}

/** Strings that end in NUL; one that was cut off by the bound is dropped. */
function strings(bytes: Buffer, bound: number): string[] {
  if (bytes.length === 0) return [];
  const all = bytes.toString('latin1').split('\0');
  const ended = bytes.at(-1) === 0;
  return ended || bytes.length === bound ? all.slice(0, -1) : all;
}

const chunk = Buffer.allocUnsafeSlow(16 * 1024);

/** At most `max` bytes of a file that the kernel writes as it is read, to its end; of one that shows memory to the first short answer. */
export function readUpTo(folder: number, file: string, max: number, memory = false): Buffer {
  const fd = openAt(folder, file);
  try {
    const read: Buffer[] = [];
    let at = 0;
    for (let length = 1; length > 0 && at < max; at += length) {
      length = readSync(fd, chunk, 0, Math.min(chunk.length, max - at), at);
      read.push(Buffer.from(chunk.subarray(0, length)));
      // What is behind a page that is not there is not read either.
      if (memory && length < chunk.length) break;
    }
    return Buffer.concat(read);
  } finally {
    closeSync(fd);
  }
}
