import { FairQueue } from '../../src/system/fair-queue';

const all = (queue: FairQueue<string>): string[] => {
  const out: string[] = [];
  for (let item = queue.next(); item !== undefined; item = queue.next()) out.push(item);
  return out;
};

test('what one process asked for comes out in its order', () => {
  const queue = new FairQueue<string>();
  for (const item of ['first', 'second', 'third']) queue.add(1000, 7, item);
  expect(queue.size).toBe(3);
  expect(all(queue)).toEqual(['first', 'second', 'third']);
  expect(queue.size).toBe(0);
  expect(queue.next()).toBeUndefined();
});

test('a newcomer waits behind one of each user, and one of each process of its own user', () => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 100; i++) queue.add(1000, 7, `flood ${i}`);
  for (let i = 0; i < 100; i++) queue.add(1000, 8, `flood of another process ${i}`);
  queue.add(1000, 9, 'the same user');
  queue.add(1001, 10, 'another user');
  const order = all(queue);
  expect(order.indexOf('another user')).toBe(1);
  expect(order.indexOf('the same user')).toBe(3);
  expect(order).toHaveLength(202);
});

test('many processes of one user have together what another user has', () => {
  const queue = new FairQueue<string>();
  for (let pid = 1; pid <= 50; pid++) queue.add(1000, pid, 'crowd');
  for (let i = 0; i < 5; i++) queue.add(1001, 99, 'single');
  expect(all(queue).slice(0, 10)).toEqual(Array.from({ length: 5 }, () => ['crowd', 'single']).flat());
});
