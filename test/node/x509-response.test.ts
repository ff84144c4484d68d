import { fromBinary } from '@bufbuild/protobuf';
import { type HeldSvid, Served } from '../../src/node/served';
import { trustOf } from '../../src/node/trust';
import { uniqueHints, x509Response } from '../../src/node/x509-response';
import { JWTBundlesResponseSchema, X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import type { BundleUpdate } from '../../src/generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcess } from '../../src/system/process-view';

const FOUR_MIB = 4 * 1024 * 1024;
const bundle = (x509: Buffer, jwks = '{"keys":[]}') =>
  trustOf('td.test', { x509Authorities: x509, jwtBundle: Buffer.from(jwks) } as unknown as BundleUpdate);

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
  const one = new Served({} as PinnedProcess, '00');
  for (const held of svids) one.hold(held);
  const identities = svids.map(({ spiffeId, hint, rule, ruleVersion }) => ({ spiffeId, hint, rule, ruleVersion, jwt: true, sole: false }));
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
  const { bundles } = fromBinary(JWTBundlesResponseSchema, bundle(Buffer.from('roots')).jwtResponse);
  expect(Object.entries(bundles).map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([
    ['spiffe://td.test', '{"keys":[]}'],
  ]);
});
