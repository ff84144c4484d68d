import type { Pool } from 'pg';
import type { Clock, Log } from '../domain/ports';

/** How far ahead partitions are made: two weeks without maintenance pass unnoticed. */
const DAYS_AHEAD = 14;
const DAY_MS = 24 * 3600 * 1000;

/** Makes the daily partitions from the day before `nowMs` to two weeks after it; returns how many were missing. */
export async function ensurePartitions(pool: Pool, nowMs: number): Promise<number> {
  const first = new Date(nowMs - DAY_MS).toISOString().slice(0, 10);
  const result = await pool.query<{ made: number }>('SELECT lineage_partitions($1::date, $2) AS made', [first, DAYS_AHEAD + 2]);
  return result.rows[0]?.made ?? 0;
}

/**
 * Makes partitions again and again, about every eight hours; the returned function stops it. A failure is logged and tried again sooner:
 * there are two weeks left, and the writer makes a missing one by itself.
 */
export function keepPartitions(pool: Pool, clock: Clock, log: Log): () => void {
  let cancel = (): void => undefined;
  let stopped = false;
  const next = (delayMs: number) => {
    if (stopped) return;
    cancel = clock.after(delayMs, () => {
      ensurePartitions(pool, clock.nowMs()).then(
        (made) => {
          if (made > 0) log.info({ made }, 'partitions made');
          next(DAY_MS / 3);
        },
        (error: unknown) => {
          log.warn({ err: error }, 'partitions could not be made');
          next(60_000);
        },
      );
    });
  };
  next(DAY_MS / 3);
  return () => {
    stopped = true;
    cancel();
  };
}
