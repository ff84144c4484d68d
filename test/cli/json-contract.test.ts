import { readdirSync } from 'node:fs';
import path from 'node:path';
import { failureAnswer } from '../../src/cli/failure';
import { RefusedByService } from '../../src/cli/refused-by-service';
import { CATALOGUE, MandateError, type ErrorCode } from '../../src/domain/errors';
import { ROOT } from './command-line';
import {
  AGENTS,
  AGENT_ID,
  AGENT_SHOWN,
  APPLIED,
  AUTHORITIES,
  AUTHORITY_ORDERED,
  BUNDLE,
  DATABASE,
  EXPLAINED,
  FEDERATION,
  PARTNER,
  MANIFESTS,
  MANIFEST_ACCEPTED,
  MANIFEST_SHOWN,
  MANIFEST_VERIFIED,
  RULES,
  RULE_BY_MANIFEST,
  RULE_SHOWN,
  SERIAL,
  STATUS,
  STOPPED,
  WHO,
} from './samples';
import { schemaOf } from './schema';

const folder = path.join(ROOT, 'docs/schema');
const schemas = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));

const refusal = failureAnswer(
  new RefusedByService('E_NO_RULE', {
    saw: [{ selector: 'user.name', value: 'ana', assurance: 'observed' }],
    rule: 'reporter',
    ruleVersion: 4,
    conditions: [
      { selector: 'user.name', holds: true, seen: 'ana', expected: null },
      { selector: 'binary.sha256', holds: false, seen: '', expected: ['ab'.repeat(32)] },
    ],
    remedy: '',
    request: '01JD90QX00',
    why: '',
  }),
);

const SAMPLES: readonly (readonly [schema: string, answer: object])[] = [
  ['status', STATUS],
  ['agents', AGENTS],
  ['agent', AGENT_SHOWN],
  [
    'agent',
    {
      ...AGENT_SHOWN,
      launch: null,
      latest: null,
      delegation: { ...AGENT_SHOWN.delegation, delegator: null, stop: { code: 'STOP_ROOT', reason: 'root is not a person' } },
    },
  ],
  ['agents-stop', STOPPED],
  ['agents-stop', { ...STOPPED, by: 'ancestry', stopped: false, lastSvid: null }],
  ['who', WHO],
  ['who', { ...WHO, agent: null, human: null, launch: null, identities: [], refusal: refusal.error }],
  ['rules', RULES],
  ['rule-versions', RULE_SHOWN],
  ['rules', { ...RULES, rules: [RULE_BY_MANIFEST] }],
  ['rules-explain', EXPLAINED],
  ['manifests', MANIFESTS],
  ['manifest', MANIFEST_SHOWN],
  ['manifest', { ...MANIFEST_SHOWN, changes: null, configurationSha256: 'ab'.repeat(32) }],
  ['manifest-accepted', MANIFEST_ACCEPTED],
  ['manifest-accepted', { ...MANIFEST_ACCEPTED, from: null }],
  ['manifest-verify', MANIFEST_VERIFIED],
  ['manifest-verify', { ...MANIFEST_VERIFIED, inForce: null, configurationSha256: 'ab'.repeat(32), kind: 'configuration' }],
  ['rules-apply', APPLIED],
  ['rules-validate', { valid: true, rules: [{ file: 'a.yaml', name: 'a', contentSha256: '00'.repeat(32), tests: 2 }] }],
  ['bundle', BUNDLE],
  ['ca-show', AUTHORITIES],
  ['ca-order', AUTHORITY_ORDERED],
  ['federation', FEDERATION],
  [
    'federation',
    {
      ...FEDERATION,
      relationships: [{ ...PARTNER, state: 'none', since: null, asked: null, next: null, documentSha256: null, x509Authorities: 0 }],
    },
  ],
  ['federation-rm', { trustDomain: 'b.example', removed: true, rules: [] }],
  [
    'svid',
    { svids: [{ spiffeId: AGENT_ID, serial: SERIAL, notBefore: '2026-03-01T09:59:22Z', notAfter: '2026-03-01T10:14:32Z', hint: '' }] },
  ],
  [
    'jwt-svid',
    {
      svids: [{ spiffeId: AGENT_ID, serial: SERIAL, audience: ['https://a'], notAfter: '2026-03-01T10:14:32Z', hint: '', token: 'a.b.c' }],
    },
  ],
  [
    'verify',
    {
      verified: true,
      kind: 'x509-svid',
      spiffeId: AGENT_ID,
      serial: SERIAL,
      notBefore: '2026-03-01T09:59:22Z',
      notAfter: '2026-03-01T10:14:32Z',
      audience: [],
      bundle: 'service',
    },
  ],
  ['ca-seal', { home: 'sealed', keys: 2, left: 0 }],
  ['db-status', DATABASE],
  ['db-migrate', { applied: ['0001_lineage'], already: 0 }],
  [
    'up',
    {
      ready: true,
      trustDomain: STATUS.trustDomain,
      workloadApi: STATUS.workloadApi,
      bundleUrl: STATUS.bundleUrl,
      separated: false,
      readyMs: 2400,
    },
  ],
  [
    'config-show',
    {
      file: '/var/lib/mandate/mandate.yaml',
      values: [
        { key: 'admin.allow_scripted', value: true, source: 'file', line: 1 },
        { key: 'admin.allow_scripted', value: false, source: 'default', line: null },
        { key: 'keys.home', value: 'sealed', source: 'file', line: 3 },
        { key: 'web.port', value: 8443, source: 'file', line: 3 },
        { key: 'web.name', value: 'id.acme.example', source: 'file', line: 4 },
        { key: 'oidc.issuer', value: null, source: 'default', line: null },
      ],
    },
  ],
  [
    'doctor',
    {
      healthy: false,
      checks: [
        { name: 'clock', result: 'ok', saw: 'synchronised', why: 'SVIDs live for minutes', fix: '' },
        { name: 'file.keys', result: 'fail', saw: '/k 0644 uid 0', why: 'w', fix: 'chmod 0600 /k' },
      ],
    },
  ],
  ['down', { stopped: true, wasRunning: true }],
  [
    'install',
    {
      dryRun: true,
      root: '/',
      nothingToDo: false,
      accounts: ['mandate'],
      folders: ['/etc/mandate'],
      files: [{ path: '/etc/systemd/system/mandate.target', text: '[Unit]' }],
      links: [{ path: '/etc/a', target: '/etc/b' }],
      commands: ['systemctl daemon-reload'],
      byHand: [],
    },
  ],
  ['uninstall', { dryRun: false, root: '/', removed: true, files: ['/etc/a'], accounts: [], state: [], kept: [] }],
  ['version', { version: '0.1.0', node: '20.19.0', platform: 'linux-x64' }],
  ['error', refusal],
];

describe('schemas of answers', () => {
  test.each(SAMPLES)('%s accepts its answer', (name, answer) => {
    const validate = schemaOf(name);
    expect(validate(answer) || validate.errors).toBe(true);
  });

  test.each(SAMPLES)('%s refuses an unknown member and each missing one', (name, answer) => {
    const validate = schemaOf(name);
    expect(validate({ ...answer, surprise: 1 })).toBe(false);
    for (const member of Object.keys(answer)) {
      const rest = Object.fromEntries(Object.entries(answer).filter(([name]) => name !== member));
      expect([member, validate(rest)]).toEqual([member, false]);
    }
  });

  test('no answer is without a schema, no schema without an answer', () => {
    const others = ['rule', 'trace', 'mandate'];
    const named = schemas.map((file) => file.replace('.schema.json', '')).filter((name) => !others.includes(name));
    expect(named.sort()).toEqual([...new Set(SAMPLES.map(([name]) => name))].sort());
  });

  test.each(Object.keys(CATALOGUE) as ErrorCode[])('%s is an error that fits the contract', (code) => {
    const validate = schemaOf('error');
    const answer = failureAnswer(new MandateError(code, { saw: 'a', why: 'b', fix: 'c' }));
    expect(validate(answer) || validate.errors).toBe(true);
    expect(answer.error).toMatchObject({ code, message: CATALOGUE[code].message, help: `mandate help ${code}` });
  });
});
