import { styleOf } from '../../src/cli/style';
import { duration, instant, left } from '../../src/cli/times';
import { table } from '../../src/cli/table';
import { NOW } from './command-line';

describe('colours', () => {
  test.each([
    [true, { TERM: 'xterm' }, true],
    [false, { TERM: 'xterm' }, false],
    [true, { TERM: 'dumb' }, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { CLICOLOR: '0' }, false],
    [false, { CLICOLOR_FORCE: '1' }, true],
    [false, { CLICOLOR_FORCE: '0' }, false],
    [false, { CLICOLOR_FORCE: '' }, false],
    [true, { CLICOLOR_FORCE: '1', NO_COLOR: '1' }, false],
    [false, { CLICOLOR_FORCE: '1', TERM: 'dumb' }, true],
  ])('terminal %s with %j: %s', (isTTY, env, coloured) => {
    const style = styleOf({ isTTY }, env);
    expect(style.colour).toBe(coloured);
    expect(style.good('ok') !== 'ok').toBe(coloured);
    expect(style.person).toBe(isTTY);
  });
});

describe('times', () => {
  test.each([
    [0, '0ms'],
    [99, '99ms'],
    [1600, '1.6s'],
    [9949, '9.9s'],
    [9950, '10s'],
    [59_400, '59s'],
    [59_600, '1m00s'],
    [872_000, '14m32s'],
    [3_599_600, '1h00m'],
    [11_100_000, '3h05m'],
    [187_200_000, '2d04h'],
    [-5, '0ms'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  test('off a terminal an instant is RFC 3339 UTC, whatever is read', () => {
    const script = styleOf({ isTTY: false }, {});
    expect(left('2026-03-01T10:14:32Z', NOW, script)).toBe('until 2026-03-01T10:14:32Z');
    expect(left('2026-03-01T09:00:00Z', NOW, script)).toBe('expired 2026-03-01T09:00:00Z');
    expect(instant('2026-03-01T11:14:32.109+01:00', NOW, script)).toBe('2026-03-01T10:14:32.109Z');
    expect(instant('yesterday', NOW, script)).toBe('unknown');
  });

  test('a person sees what is left', () => {
    const person = styleOf({ isTTY: true }, {});
    expect(left('2026-03-01T10:14:32Z', NOW, person)).toBe('14m32s left');
    expect(left('2026-03-01T09:59:00Z', NOW, person)).toBe('expired 1m00s ago');
  });
});

test('columns stand below each other, wide and combining characters too', () => {
  const style = styleOf({ isTTY: false }, {});
  expect(
    table(
      ['A', 'B'],
      [
        ['漢字', 'x'],
        ['e\u0301', 'y'],
        ['abcdef', 'z'],
      ],
      style,
    ),
  ).toBe('A       B\n漢字    x\ne\u0301       y\nabcdef  z\n');
});
