/**
 * Starts mandate as main.ts does, with instruments: SIGUSR2 writes how late the event loop was since the last time to the log. The limit
 * of fresh JWT-SVIDs is raised on its way to the server, so that the product needs no switch for it. SIGWINCH sets the clock of the server
 * ahead, so that the successors of its authorities are due at the next look.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Past half life of an authority. */
const AHEAD_MS = 8 * 24 * 3600 * 1000;
const way = process.argv[2];
if (way === 'internal-server' || way === 'internal-node') {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  process.on('SIGUSR2', () => {
    const [p99, max] = [loop.percentile(99) / 1e6, loop.max / 1e6];
    process.stdout.write(`${JSON.stringify({ loop: way, p99, max })}\n`);
    loop.reset();
  });
}
if (way === 'internal-server') {
  const now = Date.now.bind(Date);
  let aheadMs = 0;
  Date.now = () => now() + aheadMs;
  process.on('SIGWINCH', () => (aheadMs = AHEAD_MS));
  const emit = process.emit.bind(process) as (event: string, ...rest: unknown[]) => boolean;
  const raised = (event: string, message: unknown, ...rest: unknown[]): boolean => {
    if (event !== 'message') return emit(event, message, ...rest);
    const told = message as { type: string; start?: object };
    return emit(event, told.type === 'start' ? { ...told, start: { ...told.start, limits: { jwtPerMinute: 1e9 } } } : told, ...rest);
  };
  process.emit = raised as typeof process.emit;
}
void import('../src/main.js');
