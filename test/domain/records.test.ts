import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { canonicalJson } from '../../src/domain/canonical';
import { EVENT_KINDS } from '../../src/domain/lineage';
import type { CredentialRow } from '../../src/domain/lineage';
import { credentialRow, eventRow, issuanceRecord, recordMatches } from '../../src/domain/records';
import type { EventData } from '../../src/domain/event-data';

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', '\u0000', '\u2028', '', 'ä', '\u{1f600}'));
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const whole = fc.maxSafeInteger();

const credential: fc.Arbitrary<Omit<CredentialRow, 'record'>> = fc.record({
  serial: text,
  kind: fc.constantFrom('x509-svid' as const, 'jwt-svid' as const, 'server-tls' as const),
  spiffeId: text,
  audience: fc.array(text, { maxLength: 4 }),
  issuedAtMs: whole,
  notBeforeMs: whole,
  notAfterMs: whole,
  authorityKeyId: text,
  publicKeySha256: orNull(text),
  processKey: orNull(text),
  agentId: orNull(text),
  delegationId: orNull(text),
  evidenceDigest: orNull(text),
  ruleName: orNull(text),
  ruleVersion: orNull(whole),
  deviceId: orNull(text),
});

describe('the record of an issuance', () => {
  test('is what canonicalJson would have written', () => {
    fc.assert(
      fc.property(credential, (row) => {
        expect(issuanceRecord(row).toString('utf8')).toBe(canonicalJson({ v: 1, record: 'issuance', ...row }));
      }),
      { numRuns: 2000 },
    );
  });

  test('changes with every column', () => {
    fc.assert(
      fc.property(credential, credential, (row, other) => {
        for (const name of Object.keys(row) as (keyof typeof row)[]) {
          const changed = { ...row, [name]: other[name] };
          const same = canonicalJson(row[name]) === canonicalJson(other[name]);
          expect(issuanceRecord(changed).equals(issuanceRecord(row))).toBe(same);
          expect(recordMatches({ ...changed, record: issuanceRecord(row) })).toBe(same);
        }
      }),
    );
  });

  test.each([
    ['a lone surrogate', { spiffeId: 'a\ud800' }],
    ['a fraction', { issuedAtMs: 1.5 }],
    ['no number', { ruleVersion: NaN }],
  ])('%s has none', (_name, change) => {
    const [row] = fc.sample(credential, { numRuns: 1, seed: 1 });
    expect(() => issuanceRecord({ ...row!, ...change })).toThrow(RangeError);
  });
});

test('a row made with its record matches it', () => {
  const [row] = fc.sample(credential, { numRuns: 1, seed: 2 });
  expect(recordMatches(credentialRow(row!))).toBe(true);
});

const caller = { deviceId: null, pid: 7, uid: 1000, evidenceDigest: null };
const delegation = {
  delegationId: 'd',
  deviceId: 'h',
  evidenceDigest: 'e',
  personId: null,
  assurance: 'declared',
  given: 'implicit',
  stopCode: 'STOP_ROOT',
  endsAtMs: 9,
} as const;

const EVENTS: EventData = {
  'installation-created': { installationId: 'i', trustDomain: 'td' },
  'authority-prepared': { keyId: 'k', authority: 'x509', publicSha256: 's', notBeforeMs: 1, notAfterMs: 2 },
  'authority-activated': { keyId: 'k', authority: 'jwt' },
  'authority-retired': { keyId: 'k', authority: 'jwt' },
  'authority-tainted': { keyId: 'k', authority: 'x509' },
  'authority-revoked': { keyId: 'k', authority: 'x509' },
  'authority-ordered': { ...caller, person: 'login', order: 'taint', authorities: ['x509'], keyId: 'k' },
  'device-seen': { deviceId: 'h', assurance: 'declared', os: 'Debian 12', kernel: '6.12' },
  'launch-opened': {
    ...delegation,
    launchId: 'l',
    programSha256: 's',
    argumentCount: 2,
    terminal: true,
    membership: 'cgroup',
    confinement: 'domain',
    scriptSha256: 's',
    packageSha256: null,
    lockSha256: null,
    configurationSha256: 't',
  },
  'launch-changed': { launchId: 'l', deviceId: 'h', pid: 7, uid: 1000, evidenceDigest: 'e', changed: ['script'] },
  'launch-joined': { launchId: 'l', deviceId: 'h', evidenceDigest: 'e', programSha256: 's', declaredName: 'n' },
  'agent-started': delegation,
  'process-seen': { deviceId: 'h', launchId: null, viaProcessKey: null, pid: 7, uid: 0, startTicks: '9', evidenceDigest: 'e' },
  'configuration-changed': { deviceId: 'h', pid: 7, uid: 1000, evidenceDigest: 'e', firstSha256: 's', nowSha256: 't' },
  ended: { ended: [{ what: 'process', id: 'p' }], reason: 'exit' },
  refused: { ...caller, verb: 'FetchX509SVID', ruleName: 'r', ruleVersion: 4 },
  'admin-refused': { ...caller, verb: 'rules apply' },
  'rules-applied': { ...caller, person: 'login', generation: 3, rules: [{ name: 'r', version: 4, contentSha256: 's' }] },
  'manifest-added': {
    ...caller,
    person: 'login',
    manifest: 'm',
    manifestKind: 'releases',
    version: 1,
    statementSha256: 's',
    keyId: 'k',
    keys: ['k'],
  },
  'manifest-updated': { ...caller, person: 'login', manifest: 'm', fromVersion: 1, version: 2, statementSha256: 's', keyId: 'k', keys: [] },
  'federation-added': {
    ...caller,
    person: 'login',
    federationId: 'f',
    trustDomain: 'b.example',
    url: 'https://b.example',
    profile: 'https_spiffe',
    endpointId: 'spiffe://b.example/e',
    webCaSha256: null,
  },
  'federation-bundle': {
    ...caller,
    person: null,
    federationId: 'f',
    trustDomain: 'b.example',
    documentSha256: 's',
    sequence: '18446744073709551615',
    x509Authorities: 1,
    jwtAuthorities: 1,
    fetched: true,
    rollback: false,
  },
  'federation-removed': { ...caller, person: 'login', federationId: 'f', trustDomain: 'b.example' },
  'database-opened': { ...caller, person: 'scripted', verb: 'db psql' },
  'agent-stopped': { ...caller, person: null, launchId: 'l' },
  'keys-sealed': { ...caller, person: 'login', by: 'passphrase' },
  shutdown: { ...caller, person: null, reason: 'mandate down' },
};

test.each(EVENT_KINDS)('the record of %s holds its columns and its data', (kind) => {
  const columns = { id: 'x', kind, atMs: 5, reference: null, code: null, agentId: 'a', processKey: null };
  const row = eventRow(columns, EVENTS[kind]);
  expect(row).toMatchObject(columns);
  expect(JSON.parse(row.record.toString('utf8'))).toEqual({ v: 1, record: 'event', ...columns, data: EVENTS[kind] });
  expect(row.record.toString('utf8')).toBe(canonicalJson(JSON.parse(row.record.toString('utf8'))));
});

describe('docs/records.md', () => {
  const page = readFileSync(join(__dirname, '../../docs/records.md'), 'utf8');

  test('its examples have the digests it states', () => {
    const examples = [...page.matchAll(/```json\n(\{[^\n]*\})\n```\n\nSHA-256: `([0-9a-f]{64})`/g)];
    expect(examples.length).toBeGreaterThanOrEqual(3);
    for (const [, bytes, digest] of examples) {
      expect(canonicalJson(JSON.parse(bytes!))).toBe(bytes);
      expect(createHash('sha256').update(bytes!, 'utf8').digest('hex')).toBe(digest);
    }
  });

  test('names every event kind and every member of its data', () => {
    for (const kind of EVENT_KINDS) {
      const line = page.split('\n').find((l) => l.startsWith(`| \`${kind}\``));
      const named = [...(line ?? '').matchAll(/`([A-Za-z0-9]+)`/g)].map((m) => m[1]).slice(kind.includes('-') ? 0 : 1);
      expect([kind, ...named.sort()]).toEqual([kind, ...Object.keys(EVENTS[kind]).sort()]);
    }
  });

  test('names every member of an issuance', () => {
    const [row] = fc.sample(credential, { numRuns: 1, seed: 3 });
    for (const member of ['v', 'record', ...Object.keys(row!)]) expect(page).toContain(`| \`${member}\``);
  });
});
