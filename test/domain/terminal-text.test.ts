import fc from 'fast-check';
import { terminalText } from '../../src/domain/terminal-text';

test.each([
  ['plain text, with accents: café — 日本 🙂', 'plain text, with accents: café — 日本 🙂'],
  ['a\nb\rc\td', 'a\\nb\\rc\\td'],
  ['\u001b]8;;http://x\u0007click\u001b]8;;\u0007', '\\x1b]8;;http://x\\x07click\\x1b]8;;\\x07'],
  ['\u009b31m', '\\x9b31m'],
  ['\u0000\u007f', '\\x00\\x7f'],
  ['\u202eexe.txt', '\\u202eexe.txt'],
  ['\u2066\u2069\u200e\u200f\u061c', '\\u2066\\u2069\\u200e\\u200f\\u061c'],
  ['a\u200bb\u200db\ufeffc\u2060', 'a\\u200bb\\u200db\\ufeffc\\u2060'],
  ['\u2028\u2029\u0085', '\\u2028\\u2029\\x85'],
  ['\u00a0\u3000\u00ad', '\\xa0\\u3000\\xad'],
  ['\ud800x\udc00', '\\ud800x\\udc00'],
  ['\u{e0041}\u{e0100}', '\\u{e0041}\\u{e0100}'],
  ['C:\\n', 'C:\\\\n'],
])('%j', (text, shown) => {
  expect(terminalText(text)).toBe(shown);
});

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdefg', 6, 'abcde…'],
  ['abcd\u001b', 6, 'abcd…'],
  ['ab\u001b', 6, 'ab\\x1b'],
  ['ab\u001bc', 6, 'ab…'],
  ['\u{1f642}\u{1f642}', 3, '\u{1f642}…'],
  ['abc', 1, '…'],
  ['abc', 0, ''],
])('%j within %p is %s', (text, max, shown) => {
  expect(terminalText(text, max)).toBe(shown);
});

test('nothing that moves, hides or reorders is left; different texts stay different; the bound holds', () => {
  const hostile = fc.string({ unit: 'binary', maxLength: 30 });
  fc.assert(
    fc.property(hostile, hostile, fc.nat({ max: 40 }), (a, b, max) => {
      const shown = terminalText(a);
      expect(shown).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u);
      expect(shown === terminalText(b)).toBe(a === b);
      expect(terminalText(a, max).length).toBeLessThanOrEqual(max);
    }),
    { numRuns: 3000 },
  );
});
