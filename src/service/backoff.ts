import { fraction } from '../domain/fraction';
import type { Random } from '../domain/ports';

const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** Milliseconds to wait before attempt `failures` + 1: doubled from 250 ms up to 30 s, then spread over its upper half so that clients part. */
export function backoffMs(failures: number, random: Random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return full / 2 + (full / 2) * fraction(random);
}

/** `base` ± a tenth of it. */
export const jittered = (base: number, random: Random): number => base * (0.9 + 0.2 * fraction(random));
