import { generateAuthorityKey } from '../../src/authority/key-pair';
import { spiffeBundleJson } from '../../src/domain/bundle';
import { parseBundleMap, parseBundles } from '../../src/verify/bundle-map';
import { makeRoot } from '../authority/fixture';

const documentOf = async (trustDomain: string): Promise<string> =>
  spiffeBundleJson({
    trustDomain,
    sequence: 3,
    refreshHintSeconds: 60,
    x509: [(await makeRoot(undefined, undefined, trustDomain)).der],
    jwt: [{ kid: 'k', point: generateAuthorityKey().point }],
  });

const parse = (text: string) => parseBundleMap(Buffer.from(text));

it('TB-30, TB-40, TB-42, TB-43: reads the bundle of each trust domain under its bare name, without a hint', async () => {
  const [org, com] = [await documentOf('example.org'), await documentOf('example.com')];
  const map = parse(`{"trust_domains":{"example.org":${org},"example.com":${com}},"more":1}`);
  expect([...map.keys()]).toEqual(['example.org', 'example.com']);
  for (const [name, bundle] of map)
    expect(bundle).toMatchObject({
      trustDomain: name,
      sequence: 3n,
      refreshHintSeconds: undefined,
      ignored: [],
      roots: [{}],
      jwtKeys: [{}],
    });
});

it('TB-40: tells a map from one bundle by its member', async () => {
  const document = await documentOf('example.org');
  expect(parseBundles(Buffer.from(`{"trust_domains":{"example.org":${document}}}`))).toEqual(
    parse(`{"trust_domains":{"example.org":${document}}}`),
  );
  expect(parseBundles(Buffer.from(document), 'example.org')).toMatchObject({
    trustDomain: 'example.org',
    sequence: 3n,
    refreshHintSeconds: 60,
  });
  expect(() => parseBundles(Buffer.from('{"trust_domains":[]}'))).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
  expect(() => parseBundles(Buffer.from('-----BEGIN'))).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});

it('TB-40: reads a map of nothing', () => {
  expect(parse('{"trust_domains":{}}').size).toBe(0);
});

it('TB-27: keeps the sequence of each bundle to the last digit', () => {
  const map = parse('{"trust_domains":{"a":{"spiffe_sequence":9007199254740993,"keys":[]},"b":{"keys":[]}}}');
  expect([map.get('a')?.sequence, map.get('b')?.sequence]).toEqual([9007199254740993n, undefined]);
});

const keys = (count: number): string => JSON.stringify({ keys: Array.from({ length: count }, () => ({})) });

it.each([
  ['TB-40', 'no trust domains', '{}'],
  ['TB-40', 'a list of them', '{"trust_domains":[]}'],
  ['TB-40', 'a bundle in its place', '{"keys":[]}'],
  ['TB-40', 'a SPIFFE ID for a name', '{"trust_domains":{"spiffe://example.org":{"keys":[]}}}'],
  ['TB-40', 'a name in capitals', '{"trust_domains":{"Example.org":{"keys":[]}}}'],
  ['TB-40', 'an empty name', '{"trust_domains":{"":{"keys":[]}}}'],
  ['TB-41', 'a name twice', '{"trust_domains":{"a":{"keys":[]},"a":{"keys":[]}}}'],
  ['TB-41', 'a name twice, once escaped', '{"trust_domains":{"a":{"keys":[]},"\\u0061":{"keys":[]}}}'],
  ['TB-43', 'one bundle that is none', '{"trust_domains":{"a":{"keys":[]},"b":{}}}'],
  ['TB-43', 'one bundle that is null', '{"trust_domains":{"a":null}}'],
  ['TB-28', 'a sequence below zero', '{"trust_domains":{"a":{"keys":[],"spiffe_sequence":-1}}}'],
  ['TB-31', '129 keys together', `{"trust_domains":{"a":${keys(100)},"b":${keys(29)}}}`],
  [
    'TB-31',
    '257 trust domains',
    JSON.stringify({ trust_domains: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`d${i}`, { keys: [] }])) }),
  ],
  ['TB-31', 'more than 1 MiB', `{"trust_domains":{}}${' '.repeat(1024 * 1024)}`],
  ['TB-41', 'text', 'hello'],
])('%s: refuses %s', (_rule, _, text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'E_NOT_VERIFIED' }));
});
