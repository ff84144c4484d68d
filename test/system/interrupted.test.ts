import { Session } from 'node:inspector/promises';
import { pidfdAlive, pidfdOpen } from '../../src/system/pidfd';
import { closeSync } from 'node:fs';

test('a signal in the middle of a call changes no answer', async () => {
  const pidfd = pidfdOpen(process.pid);
  const session = new Session();
  session.connect();
  // The profiler interrupts this thread with a signal, thousands of times a second.
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 20 });
  await session.post('Profiler.start');
  let alive = 0;
  for (let i = 0; i < 100_000; i++) if (pidfdAlive(pidfd)) alive++;
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  closeSync(pidfd);
  expect(profile.samples!.length).toBeGreaterThan(100);
  expect(alive).toBe(100_000);
});
