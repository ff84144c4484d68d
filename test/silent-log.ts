import type { Log } from '../src/domain/ports';

/** For tests that assert what is returned, not what is logged. */
export const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
