import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { MandateError } from '../../src/domain/errors';
import { admittedBy, configurationDigest, MAX_MANIFEST_ENTRIES } from '../../src/domain/manifest';
import { MAX_ENVELOPE_BYTES, preAuthEncoding, readEnvelope } from '../../src/verify/dsse';
import { verifyManifest } from '../../src/verify/manifest';
import { manifestKeyId, manifestKeyText } from '../../src/verify/manifest-key';
import { readStatement, statementPayload } from '../../src/verify/manifest-statement';
import { ALICE, BOB, envelope, HASH_A, HASH_B, signed, statement } from './manifest-samples';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof MandateError) return error.code;
    throw error;
  }
  return 'accepted';
};
const verdict = (text: string): string => codeOf(() => verifyManifest(text, [ALICE.key]));

test('the encoding that is signed is the one of the DSSE specification', () => {
  const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
  expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  expect(preAuthEncoding('ä', Buffer.from('ö')).toString()).toBe('DSSEv1 2 ä 2 ö');
});

test('a statement comes back as it was signed, with the key that signed it', () => {
  const entries = [
    { name: '2.1.0', sha256: HASH_B },
    { name: '2.0.0', sha256: HASH_A },
  ];
  const payload = statementPayload(statement({ version: 7, entries }));
  expect(verifyManifest(signed({ version: 7, entries }), [BOB.key, ALICE.key])).toEqual({
    statement: statement({ version: 7, entries: [...entries].reverse() }),
    keyId: manifestKeyId(ALICE.key),
    statementSha256: createHash('sha256').update(payload).digest('hex'),
  });
});

test('its end, the agent and the keys that follow come back as well', () => {
  const over = { kind: 'configuration' as const, agent: 'codex', expiresAtMs: Date.UTC(2027, 0, 31), keys: [BOB.key, ALICE.key] };
  expect(verifyManifest(signed(over), [ALICE.key]).statement).toEqual(statement(over));
});

describe('signatures', () => {
  test('one by a trusted key is enough, whatever others say', () => {
    expect(verdict(signed({}, [BOB, ALICE]))).toBe('accepted');
    expect(verdict(signed({}, [BOB]))).toBe('E_MANIFEST_SIGNATURE');
    expect(verdict(signed({}, []))).toBe('E_MANIFEST_SIGNATURE');
    expect(codeOf(() => verifyManifest(signed(), []))).toBe('E_MANIFEST_SIGNATURE');
  });

  test('the keyid is a hint: neither does a false one help, nor is one needed', () => {
    const claimed = signed({}, [BOB]).replace(manifestKeyId(BOB.key), manifestKeyId(ALICE.key));
    expect(verdict(claimed)).toBe('E_MANIFEST_SIGNATURE');
    expect(verdict(signed().replace(manifestKeyId(ALICE.key), ''))).toBe('accepted');
  });

  test('no bit of payload or signature can change', () => {
    const text = signed();
    const { payload, signatures, payloadType } = JSON.parse(text);
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 7 }), (inPayload, at, bit) => {
        const bytes = Buffer.from(inPayload ? payload : signatures[0].sig, 'base64');
        bytes[at % bytes.length]! ^= 1 << bit;
        const changed = bytes.toString('base64');
        const sig = inPayload ? signatures[0].sig : changed;
        expect(verdict(JSON.stringify({ payloadType, payload: inPayload ? changed : payload, signatures: [{ sig }] }))).toBe(
          'E_MANIFEST_SIGNATURE',
        );
      }),
    );
  });

  test('a signature for another type of payload is none for this one', () => {
    const payload = statementPayload(statement());
    const other = JSON.parse(envelope(payload, [ALICE], 'application/json'));
    expect(verdict(JSON.stringify(other))).toBe('E_MANIFEST_INVALID');
    expect(verdict(JSON.stringify({ ...other, payloadType: 'application/vnd.in-toto+json' }))).toBe('E_MANIFEST_SIGNATURE');
  });

  test('what nobody trusted signed is not even parsed', () => expect(verdict(envelope('{', [BOB]))).toBe('E_MANIFEST_SIGNATURE'));
});

describe('envelopes', () => {
  const whole = JSON.parse(signed());
  test.each<[string, string]>([
    ['no JSON', 'nothing'],
    ['a list', '[]'],
    ['a member twice', signed().replace('{', '{"payload":"",')],
    ['no payload', JSON.stringify({ ...whole, payload: undefined })],
    ['no type', JSON.stringify({ ...whole, payloadType: '' })],
    ['a payload that is no text', JSON.stringify({ ...whole, payload: 1 })],
    ['stray bits in base64', JSON.stringify({ ...whole, payload: 'eB==' })],
    ['base64 without padding', JSON.stringify({ ...whole, payload: 'eA' })],
    ['white space in base64', JSON.stringify({ ...whole, payload: `${whole.payload}\n` })],
    ['signatures that are no list', JSON.stringify({ ...whole, signatures: {} })],
    ['a signature that is no object', JSON.stringify({ ...whole, signatures: ['x'] })],
    ['a keyid that is no text', JSON.stringify({ ...whole, signatures: [{ ...whole.signatures[0], keyid: 1 }] })],
    ['nine signatures', JSON.stringify({ ...whole, signatures: Array.from({ length: 9 }, () => whole.signatures[0]) })],
    ['a signature of 1025 bytes', JSON.stringify({ ...whole, signatures: [{ sig: Buffer.alloc(1025).toString('base64') }] })],
    ['an empty signature', JSON.stringify({ ...whole, signatures: [{ sig: '' }] })],
    ['seventeen levels', `{"a":${'['.repeat(17)}${']'.repeat(17)}}`],
    ['a byte too many', signed().padEnd(MAX_ENVELOPE_BYTES + 1)],
  ])('%s: refused', (_name, text) => expect(verdict(text)).toBe('E_MANIFEST_INVALID'));

  test('unknown members and URL-safe base64 are fine, as DSSE says', () => {
    const urlSafe = whole.payload.replaceAll('+', '-').replaceAll('/', '_');
    expect(verdict(JSON.stringify({ ...whole, payload: urlSafe, extra: { any: 1 } }))).toBe('accepted');
    expect(verdict(signed().padEnd(MAX_ENVELOPE_BYTES))).toBe('accepted');
  });

  test('the largest one is read at once', () => {
    const payload = Buffer.alloc(Math.floor(MAX_ENVELOPE_BYTES * 0.74));
    expect(readEnvelope(JSON.stringify({ payloadType: 'x', payload: payload.toString('base64'), signatures: [] })).payload).toEqual(
      payload,
    );
  });
});

describe('statements, well signed', () => {
  const good = JSON.parse(statementPayload(statement()).toString());
  const subject = good.subject[0];
  const bob = manifestKeyText(BOB.key);
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `r${i}`, digest: subject.digest }));
  test.each<[string, unknown]>([
    ['no object', []],
    ['another statement type', { ...good, _type: 'https://in-toto.io/Statement/v0.1' }],
    ['another predicate', { ...good, predicateType: 'https://slsa.dev/provenance/v1' }],
    ['an unknown member', { ...good, note: 'x' }],
    ['an unknown member of the predicate', { ...good, predicate: { ...good.predicate, except: [] } }],
    ['no version', { ...good, predicate: { manifest: 'a', kind: 'releases' } }],
    ['version 0', { ...good, predicate: { ...good.predicate, version: 0 } }],
    ['version 1.5', { ...good, predicate: { ...good.predicate, version: 1.5 } }],
    ['version a billion and one', { ...good, predicate: { ...good.predicate, version: 1_000_000_001 } }],
    ['a name in capitals', { ...good, predicate: { ...good.predicate, manifest: 'Claude' } }],
    ['a kind that is none', { ...good, predicate: { ...good.predicate, kind: 'toString' } }],
    ['no subject', { ...good, subject: [] }],
    ['a subject twice', { ...good, subject: [subject, subject] }],
    ['1025 subjects', { ...good, subject: many(MAX_MANIFEST_ENTRIES + 1) }],
    ['a label with a blank', { ...good, subject: [{ ...subject, name: '2 0' }] }],
    ['a label that is no text', { ...good, subject: [{ ...subject, name: 2 }] }],
    ['a digest in capitals', { ...good, subject: [{ ...subject, digest: { sha256: 'AA'.repeat(32) } }] }],
    ['another digest beside it', { ...good, subject: [{ ...subject, digest: { ...subject.digest, md5: 'x' } }] }],
    ['an end that is no instant', { ...good, predicate: { ...good.predicate, expires: '2027-02-30T00:00:00Z' } }],
    ['an end without a zone', { ...good, predicate: { ...good.predicate, expires: '2027-01-31T00:00:00' } }],
    ['an end in milliseconds', { ...good, predicate: { ...good.predicate, expires: '2027-01-31T00:00:00.000Z' } }],
    ['an end that is a number', { ...good, predicate: { ...good.predicate, expires: 1 } }],
    ['no keys to hand over to', { ...good, predicate: { ...good.predicate, keys: [] } }],
    ['a key twice', { ...good, predicate: { ...good.predicate, keys: [bob, bob] } }],
    ['a key in another form', { ...good, predicate: { ...good.predicate, keys: [bob.trim()] } }],
    ['an agent of releases', { ...good, predicate: { ...good.predicate, agent: 'codex' } }],
    [
      'an agent with a line break',
      { ...good, predicate: { ...good.predicate, kind: 'configuration', agent: 'codex\n' }, subject: [{ ...subject, name: '/a' }] },
    ],
    [
      'a path with a line break',
      { ...good, predicate: { ...good.predicate, kind: 'configuration' }, subject: [{ ...subject, name: '/a\n' }] },
    ],
  ])('%s: refused', (_name, document) => expect(verdict(envelope(JSON.stringify(document), [ALICE]))).toBe('E_MANIFEST_INVALID'));

  test.each<[string, Buffer]>([
    ['a member twice', Buffer.from(JSON.stringify(good).replace('{', '{"predicateType":"x",'))],
    ['a member twice, once escaped', Buffer.from(JSON.stringify(good).replace('"version":1', '"version":1,"v\\u0065rsion":2'))],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from(JSON.stringify(good)), Buffer.from([0xff])])],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(good))])],
  ])('%s: refused', (_name, payload) => expect(verdict(envelope(payload, [ALICE]))).toBe('E_MANIFEST_INVALID'));

  test('1024 subjects are accepted', () =>
    expect(verdict(envelope(JSON.stringify({ ...good, subject: many(MAX_MANIFEST_ENTRIES) }), [ALICE]))).toBe('accepted'));
});

describe('the digest of a configuration', () => {
  // printf '%s  /b\n%s  ä\n' AA… BB… | sha256sum, in the order of LC_ALL=C sort -k2
  const files = [
    { name: 'ä', sha256: HASH_B },
    { name: '/b', sha256: HASH_A },
  ];
  const lines = `${HASH_A}  /b\n${HASH_B}  ä\n`;

  test('is SHA-256 over lines sorted by the bytes of the path', () => {
    const expected = createHash('sha256').update(lines).digest('hex');
    expect(configurationDigest(files)).toBe(expected);
    expect(configurationDigest([...files].reverse())).toBe(expected);
    expect(admittedBy({ kind: 'configuration', entries: files })).toEqual([expected]);
  });

  test('of bytes, not of code units: U+FF5E comes before U+10000', () => {
    const [low, high] = ['\uff5e', '\u{10000}'];
    const expected = createHash('sha256').update(`${HASH_A}  ${low}\n${HASH_B}  ${high}\n`).digest('hex');
    expect(
      configurationDigest([
        { name: high, sha256: HASH_B },
        { name: low, sha256: HASH_A },
      ]),
    ).toBe(expected);
  });

  test('the vector of docs/manifests.md', () => {
    const page = readFileSync(path.join(__dirname, '../../docs/manifests.md'), 'utf8');
    const stated = /^`([0-9a-f]{64})`\.$/m.exec(page)?.[1];
    const hooks = { name: '/etc/claude/hooks.json', sha256: HASH_B };
    expect(configurationDigest([{ name: '/etc/claude/settings.json', sha256: HASH_A }, hooks])).toBe(stated);
  });
});

test('the statement that docs/manifests.md shows is one', () => {
  const page = readFileSync(path.join(__dirname, '../../docs/manifests.md'), 'utf8');
  const shown = /```json\n(.*)\n```/.exec(page)![1]!;
  expect(statementPayload(readStatement(Buffer.from(shown))).toString()).toBe(shown);
});
