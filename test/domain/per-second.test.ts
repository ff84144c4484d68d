import { atMostPerSecond } from '../../src/domain/per-second';

test('so many in each second, whatever was refused in the one before', () => {
  let nowMs = 999;
  const allowed = atMostPerSecond({ nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => undefined }, 2);
  const inThisSecond = () => Array.from({ length: 5 }, () => allowed());
  expect(inThisSecond()).toEqual([true, true, false, false, false]);
  nowMs = 1000;
  expect(inThisSecond()).toEqual([true, true, false, false, false]);
  nowMs = 1999;
  expect(inThisSecond()).toEqual(Array(5).fill(false));
});
