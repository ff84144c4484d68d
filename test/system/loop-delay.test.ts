import { watchLoopDelay } from '../../src/system/loop-delay';

const timeOut = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('says nothing when it is asked first, then how late the event loop was since it was asked last', async () => {
  const delay = watchLoopDelay();
  expect(delay()).toEqual({ median: 0, p99: 0, most: 0 });
  // Timers of one loop fire in the order in which they fall due: two looks come before the first of these, another before the second.
  await timeOut(250);
  const until = Date.now() + 600;
  while (Date.now() < until);
  await timeOut(150);
  expect(delay().most).toBeGreaterThan(0.1);
});
