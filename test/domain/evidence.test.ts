import fc from 'fast-check';
import { type Canonical, canonicalJson } from '../../src/domain/canonical';
import { MandateError } from '../../src/domain/errors';
import { encodeEvidence, MAX_EVIDENCE_BYTES } from '../../src/domain/evidence';
import type { Evidence } from '../../src/domain/evidence';
import { decodeEvidence } from '../../src/domain/evidence-decode';
import { BOOT, evidence } from './samples';

const good = evidence(undefined, {
  ancestors: [{ key: `${BOOT}:1`, pid: 1, uid: 0, exe: '' }],
  gaps: ['cgroup:E_ATTEST_FAILED', 'binary:E_ATTEST_TOO_LARGE'],
});
const bytes = encodeEvidence(good).bytes;

const codeOf = (input: Uint8Array): string => {
  try {
    decodeEvidence(input);
  } catch (error) {
    return error instanceof MandateError ? error.code : String(error);
  }
  return 'accepted';
};

test('what was encoded comes back, sorted, and cannot be changed', () => {
  const decoded = decodeEvidence(bytes);
  expect(encodeEvidence(decoded).bytes.equals(bytes)).toBe(true);
  expect(decoded).toEqual({ ...good, gaps: [...good.gaps].sort() });
  expect(Object.isFrozen(decoded) && Object.isFrozen(decoded.facts[0])).toBe(true);
});

test('a view into a larger buffer is read by its own bounds', () => {
  const larger = new Uint8Array(bytes.length + 64);
  larger.set(bytes, 32);
  expect(decodeEvidence(larger.subarray(32, 32 + bytes.length)).pid).toBe(good.pid);
});

const changed = (change: (value: Record<string, unknown>) => void): Buffer => {
  const value = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  change(value);
  return Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))));
};
const set = (name: string, to: unknown): Buffer => changed((value) => void (value[name] = to));

test('the way the cases below are written is itself accepted', () => {
  expect(codeOf(changed(() => undefined))).toBe('accepted');
});

test.each<[string, Uint8Array]>([
  ['nothing', Buffer.alloc(0)],
  ['no JSON', Buffer.from('{')],
  ['a list', Buffer.from('[]')],
  ['null', Buffer.from('null')],
  ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), bytes])],
  ['a blank behind', Buffer.concat([bytes, Buffer.from(' ')])],
  ['a blank inside', Buffer.from(bytes.toString().replace('"v":1', '"v": 1'))],
  ['members in another order', Buffer.from(JSON.stringify({ v: 1, ...JSON.parse(bytes.toString()) }))],
  ['a member twice', Buffer.from(bytes.toString().replace('"v":1', '"v":1,"v":1'))],
  ['another version', set('v', 2)],
  ['an unknown member', set('extra', 1)],
  ['__proto__', Buffer.from(bytes.toString().replace('"v":1', '"v":1,"__proto__":{}'))],
  ['a missing member', changed((value) => delete value['gaps'])],
  ['a long escape', Buffer.from(bytes.toString().replace('"ana"', '"\\u0061na"'))],
  ['a number as 1.0', Buffer.from(bytes.toString().replace('"v":1', '"v":1.0'))],
  ['a number as a text', set('pid', '41377')],
  ['a fraction', set('pid', 1.5)],
  ['pid 0', set('pid', 0)],
  ['a pid beyond the kernel', set('pid', 2 ** 22 + 1)],
  ['a negative uid', set('uid', -1)],
  ['a uid of 33 bits', set('uid', 2 ** 32)],
  ['a short salt', set('salt', '00')],
  ['a salt in capitals', set('salt', 'ABCDEF0123456789ABCDEF0123456789')],
  ['an empty process key', set('processKey', '')],
  ['a blank in the process key', set('processKey', 'a b')],
  ['start ticks that are none', set('startTicks', '-1')],
  [
    '257 facts',
    set(
      'facts',
      Array.from({ length: 257 }, (_, i) => ['user.uid', String(1000 + i), 'observed']),
    ),
  ],
  [
    '65 ancestors',
    set(
      'ancestors',
      Array.from({ length: 65 }, () => ({ exe: '', key: 'k', pid: 1, uid: 0 })),
    ),
  ],
  ['an ancestor with another member', set('ancestors', [{ comm: '', exe: '', key: 'k', pid: 1, uid: 0 }])],
  ['facts in another order', changed((value) => (value['facts'] as unknown[]).reverse())],
  ['a fact twice', changed((value) => (value['facts'] as unknown[]).unshift((value['facts'] as unknown[])[0]))],
  [
    'one fact with two assurances',
    set('facts', [
      ['user.uid', '1', 'declared'],
      ['user.uid', '1', 'measured'],
    ]),
  ],
  ['a fact of four', set('facts', [['user.uid', '1', 'observed', 'x']])],
  ['a fact of two', set('facts', [['user.uid', '1']])],
  ['an unknown assurance', set('facts', [['user.uid', '1', 'oidc']])],
  ['a type without an attestor', set('facts', [['uid', '1', 'observed']])],
  ['a type in capitals', set('facts', [['User.uid', '1', 'observed']])],
  ['a type with two dots', set('facts', [['user.uid.x', '1', 'observed']])],
  ['a type of 65', set('facts', [[`user.${'x'.repeat(60)}`, '1', 'observed']])],
  ['a value of 4097 bytes', set('facts', [['user.name', `${'ä'.repeat(2048)}x`, 'observed']])],
  ['a value with NUL', set('facts', [['user.name', 'a\0', 'observed']])],
  ['a value that is a number', set('facts', [['user.uid', 1000, 'observed']])],
  ['a lone surrogate', Buffer.from(bytes.toString().replace('"ana"', '"\\ud800"'))],
  ['bytes that are no UTF-8', Buffer.from(bytes.toString('latin1').replace('"ana"', '"\xff"'), 'latin1')],
  ['gaps in another order', changed((value) => (value['gaps'] as unknown[]).reverse())],
  ['a gap that is none', set('gaps', ['binary'])],
  ['a chain end of 257', set('chainEnd', 'x'.repeat(257))],
  ['more than 64 KiB', Buffer.alloc(MAX_EVIDENCE_BYTES + 1, 0x20)],
  ['depth', Buffer.from('['.repeat(60_000))],
])('%s is refused', (_name, input) => {
  expect(codeOf(input)).toBe('E_REQUEST');
});

test('a refusal never repeats what the bytes said', () => {
  try {
    decodeEvidence(set('salt', 'a-secret-value'));
  } catch (error) {
    expect(JSON.stringify((error as MandateError).explanation)).not.toContain('a-secret-value');
  }
  expect.assertions(1);
});

test('any evidence within the bounds comes back byte for byte', () => {
  const value = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', ''));
  const any: fc.Arbitrary<Evidence> = fc.record({
    v: fc.constant(1 as const),
    salt: fc.stringMatching(/^[0-9a-f]{32}$/),
    processKey: fc.stringMatching(/^[0-9a-f:-]{1,80}$/),
    pid: fc.integer({ min: 1, max: 2 ** 22 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    startTicks: fc.stringMatching(/^[0-9]{1,20}$/),
    facts: fc.array(
      fc.record({
        type: fc.stringMatching(/^[a-z]{1,8}\.[a-z0-9_]{1,12}$/),
        value,
        assurance: fc.constantFrom('declared' as const, 'observed' as const, 'measured' as const),
      }),
      { maxLength: 30 },
    ),
    ancestors: fc.array(fc.record({ key: fc.constant('k:1'), pid: fc.constant(1), uid: fc.constant(0), exe: value }), { maxLength: 8 }),
    chainEnd: value,
    gaps: fc.array(fc.constantFrom('binary:E_ATTEST_FAILED', 'user:E_ATTEST_UNREADABLE'), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(any, (of) => {
      const encoded = encodeEvidence(of).bytes;
      expect(encodeEvidence(decodeEvidence(encoded)).bytes.equals(encoded)).toBe(true);
      expect(canonicalJson(JSON.parse(encoded.toString()) as Canonical)).toBe(encoded.toString());
    }),
    { numRuns: 500 },
  );
});

test('half of a surrogate pair has no evidence; a path that looks like one has', () => {
  const named = (value: string) => evidence(undefined, { facts: [{ type: 'user.name', value, assurance: 'observed' }] });
  expect(() => encodeEvidence(named('\ud800'))).toThrow(RangeError);
  expect(decodeEvidence(encodeEvidence(named('\\ud800')).bytes).facts[0]!.value).toBe('\\ud800');
});

test('one flipped bit is never the same evidence', () => {
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << bit;
      let decoded: Evidence;
      try {
        decoded = decodeEvidence(flipped);
      } catch (error) {
        expect((error as MandateError).code).toBe('E_REQUEST');
        return;
      }
      expect(encodeEvidence(decoded).bytes.equals(bytes)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});
