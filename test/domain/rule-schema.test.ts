import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { readRules } from '../../src/domain/rule-file';
import { mayMatchAny, SELECTORS } from '../../src/domain/selectors';
import { STARTER_RULE_FILE } from '../../src/domain/starter-rule';
import { HASH, issue, match, REFUSED, rule, source } from './rule-cases';

const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/rule.schema.json'), 'utf8'));
const valid = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
const loads = (text: string): boolean => readRules([source(text)]).problems.length === 0;

test('the schema knows exactly the selectors of the matcher, with their meaning', () => {
  const properties = schema.properties.match.properties as Record<string, { description: string; $ref: string }>;
  expect(Object.entries(properties).map(([type, { description }]) => [type, description])).toEqual(
    SELECTORS.map((s) => [s.type, s.meaning]),
  );
  const any = (name: string): string => (mayMatchAny(name) ? 'OrAny' : '');
  for (const { type, form } of SELECTORS)
    expect([type, properties[type]!.$ref]).toEqual([type, expect.stringMatching(new RegExp(`/${form}${any(type)}Values$`))]);
  const identity = schema.properties.match.anyOf.map((one: { required: string[] }) => one.required[0]);
  expect(identity).toEqual(SELECTORS.filter((s) => s.strength === 'identity').map((s) => s.type));
});

const GOOD: Record<string, string> = {
  'the starter rule': STARTER_RULE_FILE,
  'the least': rule(match + issue),
  'every field': rule(`priority: -5
disabled: true
match: { user.uid: [1, "2"], binary.sha256: [${HASH}], binary.writable: false, binary.path: /x, launch.name: "*" }
require: { process: launched, delegator: oidc, device: tpm, given: [standing, approved], connection: sole }
issue: { id: "/a/{host}/b-{launch.name}.c", hint: internal, x509: { ttl: 24h }, jwt: { ttl: 3600, audiences: [a, "b:c"], rs256: [a] }, federates_with: [b.example, c_d] }
tests:
  - { name: x, given: { user.uid: 1, binary.writable: true, delegator: none, device: tpm, given: standing, connection: shared }, expect: E_NO_RULE }
`),
  'a manifest': rule(
    `match:\n  binary.sha256: { manifest: claude-code }\n  launch.sha256: { manifest: claude-code, grace: 14d }\n${issue}`,
  ),
  'a grace in seconds': rule(`match:\n  binary.sha256: { manifest: claude-code, grace: 7776000 }\n${issue}`),
  'a test by manifest': rule(`${match}${issue}tests: [{ name: x, given: { binary.sha256: { manifest: a } }, expect: refused }]\n`),
  'a hash file': rule(`match:\n  binary.sha256: { file: hashes/claude.txt }\n${issue}`),
};

test.each(Object.entries(GOOD))('%s: accepted by schema and loader', (_name, text) => {
  expect(valid(parseAllDocuments(text)[0]!.toJS())).toBe(true);
  expect(readRules([source(text)]).problems).toEqual([]);
});

/** What only the loader can see: the text itself, and the files that it names. */
const BEYOND_SCHEMA = [
  'an anchor',
  'a tag',
  'a directive',
  'RS256 for an audience that is not listed',
  'a hash file that is missing',
  'a hash file without a hash',
  'a hash file with a wrong line',
  'a bidirectional override',
  'an escape character',
];

test.each(Object.entries(REFUSED))('%s: refused by the loader, and by the schema where it can see it', (name, [text]) => {
  expect(loads(text)).toBe(false);
  const [document] = parseAllDocuments(text) as { errors: unknown[]; toJS(): unknown }[];
  if (document === undefined || document.errors.length > 0 || /an alias|an unquoted star/.test(name)) return;
  expect(valid(document.toJS())).toBe(BEYOND_SCHEMA.includes(name));
});

test('schema and loader agree on whatever can be written as JSON', () => {
  const any = fc.constantFrom<unknown>(
    ...[
      '',
      'a',
      '/x',
      '*',
      '0',
      '01',
      '1000',
      'true',
      HASH,
      HASH.slice(1),
      '15m',
      '0s',
      '86400',
      '86401',
      '1440m',
      '1441m',
      '24h',
      '25h',
      '1h',
      '61m',
    ],
    ...[
      '3600s',
      '3601',
      'measured',
      'os-account',
      'oidc',
      'tpm',
      'none',
      'launched',
      'issued',
      'E_NO_RULE',
      '/agent/{user}',
      '/{user}{uid}',
      '/a{b}',
      '/..',
    ],
    ...[
      '/a/',
      '/{launch.name}.x',
      '/{binary.path}',
      '/.{user}',
      '/..{user}',
      '/a}',
      '{user}',
      'mandate/v1',
      'Rule',
      'a b',
      'ä',
      'x'.repeat(65),
      'x'.repeat(1025),
    ],
    ...[0, 1, -1, 1.5, 3600, 3601, 86400, 86401, 1e6, 1e6 + 1, -1e6, 2 ** 53, 4294967295, true, false, null],
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 5, arbitrary: any },
    { weight: 2, arbitrary: fc.array(any, { maxLength: 3 }) },
    fc.constant({ file: 'hashes/claude.txt' }),
    fc.record(
      {
        manifest: fc.constantFrom<unknown>('a', 'claude-code', 'A', '', 1),
        grace: fc.constantFrom<unknown>(
          0,
          7776000,
          7776001,
          -1,
          '14d',
          '90d',
          '91d',
          '2160h',
          '2161h',
          '129600m',
          '129601m',
          '7776001s',
          '0d',
          '',
        ),
      },
      { requiredKeys: [] },
    ),
    fc.constant({}),
  );
  // A good document in which one or two fields were given some other value.
  const places = [
    ...[
      'apiVersion',
      'kind',
      'name',
      'priority',
      'disabled',
      'match',
      'require',
      'issue',
      'tests',
      'extra',
      'require.process',
      'require.delegator',
    ],
    ...[
      'require.device',
      'require.given',
      'issue.id',
      'issue.hint',
      'issue.x509',
      'issue.x509.ttl',
      'issue.jwt',
      'issue.jwt.ttl',
      'issue.jwt.audiences',
    ],
    ...['tests.0', 'tests.0.name', 'tests.0.given', 'tests.0.expect', 'tests.0.given.user#uid', 'tests.0.given.delegator', 'issue.extra'],
    ...['user.nam', ...SELECTORS.map(({ type }) => type)].map((type) => `match.${type.replace('.', '#')}`),
  ];
  const changes = fc.array(fc.tuple(fc.constantFrom(...places), value), { minLength: 1, maxLength: 2 });
  const document = fc.tuple(changes, fc.constantFrom('user.uid', 'binary.path')).map(([changed, selector]) => {
    const doc: Record<string, unknown> = {
      apiVersion: 'mandate/v1',
      kind: 'Rule',
      name: 'a',
      match: { [selector]: selector === 'user.uid' ? 1000 : '/x' },
      require: {},
      issue: { id: '/agent/{user}', x509: {}, jwt: {} },
      tests: [{ name: 'n', given: { 'user.uid': 1 }, expect: 'issued' }],
    };
    for (const [place, replaced] of changed) {
      const steps = place.split('.').map((step) => step.replace('#', '.'));
      const last = steps.pop()!;
      let holder: unknown = doc;
      for (const step of steps) holder = (holder as Record<string, unknown> | null)?.[step];
      if (typeof holder === 'object' && holder !== null) (holder as Record<string, unknown>)[last] = structuredClone(replaced);
    }
    return doc;
  });
  const seen = { good: 0, bad: 0 };
  fc.assert(
    fc.property(document, (doc) => {
      const text = JSON.stringify(doc);
      const { problems } = readRules([source(text)]);
      const good = problems.length === 0;
      seen[good ? 'good' : 'bad']++;
      expect([valid(doc), text, problems.map((p) => p.message)]).toEqual([good, text, problems.map((p) => p.message)]);
    }),
    { numRuns: 3000 },
  );
  // A property over refusals alone would prove little.
  expect(seen.good).toBeGreaterThan(200);
  expect(seen.bad).toBeGreaterThan(200);
});
