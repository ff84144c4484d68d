import { randomFillSync } from 'node:crypto';
import type { Random } from '../domain/ports';

/** One system call for many small draws: a call per serial costs more than the rest of its certificate. */
const pool = Buffer.allocUnsafeSlow(8192);
let next = pool.length;

/** The kernel's randomness by way of OpenSSL. What was handed out is wiped from the pool at once, so it is never handed out again. */
export const systemRandom: Random = {
  bytes(length) {
    const out = Buffer.allocUnsafeSlow(length);
    if (length > pool.length) return randomFillSync(out);
    if (next + length > pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    pool.copy(out, 0, next, next + length);
    pool.fill(0, next, next + length);
    next += length;
    return out;
  },
};
