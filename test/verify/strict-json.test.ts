import fc from 'fast-check';
import { canonicalBase64url, memberTexts, parseStrictJson } from '../../src/verify/strict-json';

it.each([
  '{}',
  '[]',
  '{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
  '{"a":"\\"a\\":1,\\"a\\":2"}',
  ' {"a" : 1 , "b":2} ',
  '"a"',
  '{"":0,"\\\\":1}',
])('reads %s as JSON.parse does', (text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

it.each([
  ['a member twice', '{"a":1,"a":1}'],
  ['a member twice, once escaped', '{"aud":1,"\\u0061ud":2}'],
  ['a member twice with others between', '{"a":1,"b":[{"c":1}],"a":2}'],
  ['a member twice in an inner object', '[{"b":{"a":1,"a":2}}]'],
  ['an empty name twice', '{"":1,"":2}'],
  ['a name that ends in a backslash, twice', '{"a\\\\":1,"a\\\\":2}'],
  ['17 levels', '['.repeat(17) + ']'.repeat(17)],
  ['a million levels', '['.repeat(1_000_000)],
  ['16,385 values', `[${'1,'.repeat(16_384)}1]`],
  ['a string without an end', '"a'],
  ['a string whose end is escaped', '"a\\"'],
  ['a trailing comma', '{"a":1,}'],
  ['a comment', '{}//'],
  ['nothing', ''],
  ['single quotes', "{'a':1}"],
])('refuses %s', (_, text) => {
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
});

it.each<[string, Record<string, string>]>([
  ['{}', {}],
  ['{"a":1}', { a: '1' }],
  ['{"a" :\n 9007199254740993 , "b":[1,{"c":2},","],"c":{"a":"}"}}', { a: '9007199254740993', b: '[1,{"c":2},","]', c: '{"a":"}"}' }],
  ['{"\\u0061":1,"__proto__":2,"":3}', { a: '1', ['__proto__']: '2', '': '3' }],
  ['[{"a":1}]', {}],
  ['"a"', {}],
])('gives the text of each member of %s', (text, expected) => {
  expect(memberTexts(text)).toEqual(new Map(Object.entries(expected)));
  expect(() => parseStrictJson(text)).not.toThrow();
});

it('reads whatever JSON.parse does, and the texts of its members, where no name is there twice', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = JSON.stringify(value, undefined, 1);
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      const members = [...memberTexts(text)].map(([name, part]) => [name, JSON.parse(part)] as const);
      expect(members).toEqual([...Object.entries(JSON.parse(text) as object)].sort(byOrderOf([...memberTexts(text).keys()])));
    }),
  );
});
const byOrderOf =
  (names: readonly string[]) =>
  ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
    names.indexOf(a) - names.indexOf(b);

it.each([
  ['AA', true],
  ['', true],
  ['AB', false], // stray bits
  ['AA==', false],
  ['A A', false],
  ['A', false],
  ['+/8', false],
  ['-_8', true],
  ['AA\n', false],
])('canonical base64url: %j is %s', (text, expected) => {
  expect(canonicalBase64url(text) !== undefined).toBe(expected);
});
