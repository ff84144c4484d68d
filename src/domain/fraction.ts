import type { Random } from './ports';

/** A number from 0 up to, but not, 1: spreads what many would otherwise do at the same moment. */
export const fraction = (random: Random): number => random.bytes(4).readUInt32BE(0) / 2 ** 32;
