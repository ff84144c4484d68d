import { fromBinary } from '@bufbuild/protobuf';
import { type HeldSvid, Served } from '../../src/node/served';
import { TrustSource, trustOf } from '../../src/node/trust';
import { uniqueHints, x509Response } from '../../src/node/x509-response';
import { JWTBundlesResponseSchema, X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import type { BundleUpdate } from '../../src/generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcess } from '../../src/system/process-view';

const FOUR_MIB = 4 * 1024 * 1024;
const bundle = (x509: Buffer, jwks = '{"keys":[]}', foreign: readonly object[] = []) =>
  trustOf('td.test', { x509Authorities: x509, jwtBundle: Buffer.from(jwks), foreign } as unknown as BundleUpdate);

const svid = (name: string, hint = ''): HeldSvid => ({
  spiffeId: `spiffe://td.test/${name}`,
  hint,
  rule: name,
  ruleVersion: 1,
  authorityKeyId: 'authority',
  chain: Buffer.from(`chain of ${name}`),
  key: Buffer.from(`key of ${name}`),
  serial: name,
  issuedAtMs: 0,
  notAfterMs: 1,
  rotateAtMs: 1,
});

function served(...svids: HeldSvid[]): Served {
  return knowing([], ...svids);
}

function knowing(federatesWith: readonly string[], ...svids: HeldSvid[]): Served {
  const one = new Served({} as PinnedProcess, '00');
  for (const held of svids) one.hold(held);
  const identities = svids.map(({ spiffeId, hint, rule, ruleVersion }) => ({
    spiffeId,
    hint,
    rule,
    ruleVersion,
    jwt: true,
    sole: false,
    federatesWith,
  }));
  one.standing = { kind: 'entitled', identities: identities as never };
  return one;
}

const decoded = (message: Buffer | undefined) => fromBinary(X509SVIDResponseSchema, message!).svids;

test('WL-20, WL-22: an entry for each identity, in their order, each complete', () => {
  const entries = decoded(x509Response(served(svid('b'), svid('a')), bundle(Buffer.from('roots'))));
  expect(entries.map(({ spiffeId }) => spiffeId)).toEqual(['spiffe://td.test/b', 'spiffe://td.test/a']);
  for (const { x509Svid, x509SvidKey, bundle: roots } of entries) {
    expect([x509Svid, x509SvidKey, roots].every(({ length }) => length > 0)).toBe(true);
  }
});

test('WL-09, WL-25: there is no message without an SVID or with an empty bundle', () => {
  expect(x509Response(served(), bundle(Buffer.from('roots')))).toBeUndefined();
  expect(x509Response(served(svid('a')), bundle(Buffer.alloc(0)))).toBeUndefined();
});

test('WL-13: a message stays below what clients take, and has as many of the first identities as it can carry', () => {
  const roots = Buffer.alloc(100_000, 1);
  const message = x509Response(served(...Array.from({ length: 100 }, (_, i) => svid(`${i}`))), bundle(roots))!;
  expect(message.length).toBeLessThan(FOUR_MIB);
  expect(message.length).toBeGreaterThan(FOUR_MIB - 2 * roots.length);
  expect(decoded(message)[0]!.spiffeId).toBe('spiffe://td.test/0');
});

test('all streams of a process share one message until something changes', () => {
  const one = served(svid('a'));
  const trust = bundle(Buffer.from('roots'));
  const message = x509Response(one, trust);
  expect(x509Response(one, trust)).toBe(message);
  const other = x509Response(one, bundle(Buffer.from('other roots')));
  expect(decoded(other)[0]!.bundle).toEqual(new Uint8Array(Buffer.from('other roots')));
  one.hold({ ...svid('a'), key: Buffer.from('fresh') });
  expect(decoded(x509Response(one, trust))[0]!.x509SvidKey).toEqual(new Uint8Array(Buffer.from('fresh')));
  one.withdraw();
  expect([one.told, x509Response(one, trust)]).toEqual([undefined, undefined]);
});

test('WL-27, WL-44: a hint stays with the first that has it', () => {
  const hints = (...given: string[]) => uniqueHints(given.map((hint) => ({ hint }))).map(({ hint }) => hint);
  expect(hints('a', 'a', 'b', '', '', 'b')).toEqual(['a', '', 'b', '', '', '']);
});

test('WL-45: a trust domain without JWT keys is in the bundles all the same', () => {
  const { bundles } = fromBinary(JWTBundlesResponseSchema, new TrustSource().response(bundle(Buffer.from('roots')), [], 'jwks'));
  expect(Object.entries(bundles).map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([
    ['spiffe://td.test', '{"keys":[]}'],
  ]);
});

describe('bundles of partners', () => {
  const foreign = (trustDomain: string, x509: string, jwks = '') => ({
    trustDomain,
    x509Authorities: Buffer.from(x509),
    jwtBundle: Buffer.from(jwks),
  });
  const roots = Buffer.from('roots');
  const federated = (message: Buffer | undefined) => fromBinary(X509SVIDResponseSchema, message!).federatedBundles;

  test('WL-14, WL-25, WL-26: those that its rules name and that have keys, by their IDs, never our own', () => {
    const trust = bundle(roots, undefined, [foreign('b', 'B'), foreign('c', 'C'), foreign('d', '', '{}'), foreign('td.test', 'X')]);
    const told = federated(x509Response(knowing(['b', 'd', 'e', 'td.test'], svid('a')), trust));
    expect(told).toEqual({ 'spiffe://b': new Uint8Array(Buffer.from('B')) });
    expect(federated(x509Response(served(svid('a')), trust))).toEqual({});
  });

  test('WL-13: leave room for the SVIDs, and the message below what clients take', () => {
    const large = Array.from({ length: 50 }, (_, i) => foreign(`p${i}`, 'x'.repeat(64 * 1024)));
    const one = knowing(
      large.map(({ trustDomain }) => trustDomain),
      ...Array.from({ length: 100 }, (_, i) => svid(`${i}`)),
    );
    const message = x509Response(one, bundle(Buffer.alloc(20_000, 1), undefined, large))!;
    expect(message.length).toBeLessThan(FOUR_MIB);
    expect(Object.keys(federated(message))).toHaveLength(50);
    expect(decoded(message).length).toBeGreaterThan(10);
  });

  test('FD-37: a watcher hears whose keys changed, came or went, and of nothing else', () => {
    const source = new TrustSource();
    const heard: string[][] = [];
    source.watch((domains) => heard.push([...domains].sort()));
    const states = [
      [foreign('b', 'B')],
      [foreign('b', 'B'), foreign('c', 'C')],
      [foreign('c', 'C'), foreign('b', 'B')],
      [foreign('c', 'D')],
      [],
    ];
    for (const state of states) source.set(bundle(roots, undefined, state));
    expect(heard).toEqual([['b', 'td.test'], ['c'], ['b', 'c'], ['c']]);
    const message = source.response(source.now!, [], 'x509');
    expect(source.response(source.now!, [], 'x509')).toBe(message);
  });
});
