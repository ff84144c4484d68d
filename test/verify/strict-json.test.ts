import { canonicalBase64url, parseStrictJson } from '../../src/verify/strict-json';

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
  ['a trailing comma', '{"a":1,}'],
  ['a comment', '{}//'],
  ['nothing', ''],
  ['single quotes', "{'a':1}"],
])('refuses %s', (_, text) => {
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
});

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
