import { recently } from '../../src/system/recently';
import type { Clock } from '../../src/domain/ports';

const at = { ms: 0 };
const clock: Clock = { nowMs: () => 0, monotonicMs: () => at.ms, after: () => () => undefined };

test('each key is asked again after a second, and not before', () => {
  const asked: string[] = [];
  const length = recently(clock, (key: string) => asked.push(key));
  expect([length('a'), length('a'), length('b')]).toEqual([1, 1, 2]);
  at.ms = 999;
  expect(length('a')).toBe(1);
  at.ms = 1_000;
  expect([length('a'), length('b')]).toEqual([3, 4]);
  expect(asked).toEqual(['a', 'b', 'a', 'b']);
});

test('that nothing is known is an answer, too', () => {
  let asked = 0;
  const name = recently(clock, () => void asked++);
  expect([name(1), name(1), asked]).toEqual([undefined, undefined, 1]);
});

test('keys without end do not fill the memory', () => {
  const asked: number[] = [];
  const same = recently(clock, (key: number) => asked.push(key));
  for (let key = 0; key <= 1_024; key++) same(key);
  expect([same(0), same(1_024)]).toEqual([1_026, 1_025]);
});
