import { readFileSync } from 'node:fs';

/** Arguments and environment (`NAME=value`) as their bytes. */
export interface AsStarted {
  readonly argv: readonly Buffer[];
  readonly env: readonly Buffer[];
}

/**
 * How this process was started, byte by byte: what is no UTF-8 is lost in `process.argv` and `process.env`, and a command that is given to
 * us must reach the kernel as it was written. Where the kernel keeps them from us, the texts are the next best thing.
 */
export const asStarted = (): AsStarted => ({
  argv: strings('/proc/self/cmdline') ?? [...process.execArgv, ...process.argv].map((text) => Buffer.from(text)),
  env: strings('/proc/self/environ') ?? Object.entries(process.env).map(([name, value]) => Buffer.from(`${name}=${value}`)),
});

function strings(file: string): readonly Buffer[] | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const found: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end !== -1; at = end + 1, end = bytes.indexOf(0, at)) found.push(bytes.subarray(at, end));
  return found;
}
