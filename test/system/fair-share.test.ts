import { FairShare } from '../../src/system/fair-share';

/** How many places a user gets that asks for all of them. */
const grabbed = (share: FairShare, uid: number): (() => void)[] =>
  Array.from({ length: 2000 }, () => share.take(uid)).filter((giveBack) => giveBack !== undefined);

test.each<[string, number, readonly number[]]>([
  ['one user alone', 1000, [500]],
  ['a second, and a third, after the first', 1000, [500, 250, 125]],
  ['of one place', 1, [1, 0]],
  ['of none', 0, [0]],
])('%s', (_, places, wanted) => {
  const share = new FairShare(places);
  expect(wanted.map((_count, uid) => grabbed(share, uid).length)).toEqual(wanted);
});

test('who holds none gets a place as long as one is left', () => {
  const share = new FairShare(100);
  grabbed(share, 1);
  let users = 0;
  for (let uid = 2; share.take(uid) !== undefined; uid++) users++;
  expect(users).toBe(50);
});

test('users who take by turns get equal parts', () => {
  const share = new FairShare(1000);
  const held = [0, 0, 0];
  for (let turn = 0; turn < 1000; turn++) {
    for (const uid of held.keys()) if (share.take(uid) !== undefined) held[uid]!++;
  }
  expect(held).toEqual([250, 250, 250]);
});

test('what is given back is there again, for everybody', () => {
  const share = new FairShare(4);
  const [first] = grabbed(share, 1);
  expect(share.take(1)).toBeUndefined();
  expect(grabbed(share, 2)).toHaveLength(1);
  first!();
  expect(share.take(1)).toBeDefined();
});
