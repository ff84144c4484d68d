import { checked } from './libc';

/** Rows of /proc/PID/limits, in the order of their numbers (getrlimit(2)). */
const ROWS = [
  'Max cpu time',
  'Max file size',
  'Max data size',
  'Max stack size',
  'Max core file size',
  'Max resident set',
  'Max processes',
  'Max open files',
  'Max locked memory',
  'Max address space',
  'Max file locks',
  'Max pending signals',
  'Max msgqueue size',
  'Max nice priority',
  'Max realtime priority',
  'Max realtime timeout',
] as const;

const INFINITY = 2n ** 64n - 1n;
const value = (text: string): bigint => (text === 'unlimited' ? INFINITY : BigInt(text));

export interface Limit {
  readonly number: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** The limits of a /proc/PID/limits text; rows that are not known are left out. */
export const limitsIn = (text: string): readonly Limit[] =>
  ROWS.flatMap((row, number) => {
    const [, soft, hard] = new RegExp(`^${row} +(\\d+|unlimited) +(\\d+|unlimited)`, 'm').exec(text) ?? [];
    return soft === undefined || hard === undefined ? [] : [{ number, soft: value(soft), hard: value(hard) }];
  });

/** Takes over the limits of another process: root's are not those of a user. Throws KernelError. */
export function setLimits(text: string): void {
  for (const { number, soft, hard } of limitsIn(text)) {
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(soft, 0);
    limit.writeBigUInt64LE(hard, 8);
    checked('setrlimit', number, limit);
  }
}
