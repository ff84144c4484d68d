import { GroupCommit, type Queued } from '../../src/lineage/group-commit';
import { nameRange, uuidRange } from '../../src/lineage/prefix';

/** A queue whose flushes wait until the test settles them. */
function held(limits: Partial<ConstructorParameters<typeof GroupCommit>[1]> = {}) {
  const batches: { values: number[]; finish: (failure?: Error) => void }[] = [];
  const flush = (batch: readonly Queued<number>[]) =>
    new Promise<void>((resolve) => {
      batches.push({
        values: batch.map((entry) => entry.value),
        finish: (failure) => {
          for (const entry of batch) {
            if (failure) entry.reject(failure);
            else entry.resolve();
          }
          resolve();
        },
      });
    });
  const queue = new GroupCommit<number>(flush, { maxBatch: 3, maxBatchWeight: 100, maxQueued: 6, maxQueuedWeight: 1000, ...limits });
  return { queue, batches };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what comes in one turn goes together, in order, one batch at a time', async () => {
  const { queue, batches } = held();
  const done = [1, 2, 3, 4, 5].map((value) => queue.add(value, 1));
  await turn();
  expect(batches.map((batch) => batch.values)).toEqual([[1, 2, 3]]);
  batches[0]!.finish();
  await Promise.all(done.slice(0, 3));
  await turn();
  expect(batches.map((batch) => batch.values)).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  const idle = queue.idle();
  batches[1]!.finish();
  await Promise.all([...done, idle]);
});

test('a batch is bounded by weight, but one heavy entry still goes', async () => {
  const { queue, batches } = held();
  const done = [queue.add(1, 60), queue.add(2, 60), queue.add(3, 500)];
  for (let i = 0; i < 3; i++) {
    await turn();
    batches[i]!.finish();
  }
  await Promise.all(done);
  expect(batches.map((batch) => batch.values)).toEqual([[1], [2], [3]]);
});

test.each([
  ['count', { maxQueued: 3 }, 1],
  ['weight', { maxQueuedWeight: 30 }, 10],
])('a queue full by %s refuses and stays usable', async (_name, limits, weight) => {
  const { queue, batches } = held(limits);
  const first = queue.add(0, weight);
  await turn(); // under way, no longer queued
  const waiting = [1, 2, 3].map((value) => queue.add(value, weight));
  await expect(queue.add(4, weight)).rejects.toMatchObject({ code: 'E_OVERLOADED' });
  batches[0]!.finish();
  await first;
  await turn();
  batches[1]!.finish();
  await Promise.all(waiting);
  const last = queue.add(5, weight);
  await turn();
  batches[2]!.finish();
  await last;
});

test('failing the queue leaves the batch under way alone', async () => {
  const { queue, batches } = held();
  const first = queue.add(1, 1);
  await turn();
  const waiting = queue.add(2, 1);
  queue.failQueued(new Error('down'));
  await expect(waiting).rejects.toThrow('down');
  batches[0]!.finish();
  await first;
  await queue.idle();
});

test.each([
  ['abcd', { low: `abcd${'0'.repeat(28)}`, high: `abcd${'f'.repeat(28)}` }],
  ['ABCD', { low: `abcd${'0'.repeat(28)}`, high: `abcd${'f'.repeat(28)}` }],
  ['01234567-89ab', { low: `0123456789ab${'0'.repeat(20)}`, high: `0123456789ab${'f'.repeat(20)}` }],
  ['f'.repeat(32), { low: 'f'.repeat(32), high: 'f'.repeat(32) }],
  ['abc', undefined],
  ['abcg', undefined],
  ['-'.repeat(36), undefined],
  ['a'.repeat(33), undefined],
  ['a'.repeat(1_000_000), undefined],
])('the range of ids that start with %.40s', (text, range) => expect(uuidRange(text)).toEqual(range));

test.each(['', 'abc', 'ab\0cd', 'a'.repeat(257)])('no range of names for %.10j', (text) => expect(nameRange(text)).toBeUndefined());
