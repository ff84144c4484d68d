import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import fc from 'fast-check';
import { NOT_MEASURED } from '../../src/domain/launch-measures';
import { DOMAIN, noDomain } from '../../src/domain/confinement';
import { rootDelegation } from '../../src/domain/delegation';
import { encodeEvidence } from '../../src/domain/evidence';
import type { Chain, CredentialRow, DelegationRow } from '../../src/domain/lineage';
import { credentialRow, issuanceRecord } from '../../src/domain/records';
import { buildTrace } from '../../src/domain/trace';
import { TRACE_STOPS } from '../../src/domain/trace-links';
import { BOOT, evidence, LAUNCH, REPORTER } from './samples';

const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/trace.schema.json'), 'utf8'));
const valid = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);

const AT = Date.UTC(2026, 10, 2, 10, 2, 7, 109);
const context = { issuer: { installed: true, uids: [990, 991] }, installationId: 'inst', nowMs: AT + 60_000 };

interface Shape {
  readonly depth: number;
  readonly launched: boolean;
  readonly uid: number;
  /** The launched program was not seen running. */
  readonly unseen?: boolean;
  /** Facts beside those of a process without privilege. */
  readonly privilege?: Readonly<Record<string, string | readonly string[]>>;
  /** What the node saw of the domain around the launch. */
  readonly confinement?: string | undefined;
}

const UNPRIVILEGED = { 'privilege.capabilities': 'none', 'privilege.root_way': 'none' };
const key = `${BOOT}:41377`;

/** A chain as a correct server would have written it. */
function chainOf({ depth, launched, uid, unseen, privilege, confinement }: Shape): Chain {
  const domain = confinement === undefined ? {} : { 'launch.confinement': confinement };
  const seen = evidence({ ...REPORTER, ...UNPRIVILEGED, ...(launched && { ...LAUNCH, ...domain }), ...privilege });
  const announced = seen.facts.map((fact) => (fact.type === 'launch.sha256' ? { ...fact, assurance: 'declared' as const } : fact));
  const { bytes, digest } = encodeEvidence(unseen === true ? { ...seen, facts: announced } : seen);
  const decided = rootDelegation({ uid, userName: 'ana', uidMin: 1000, terminal: true, agentAmongAncestors: false, launch: launched });
  const delegations = Array.from({ length: depth }, (_, i): DelegationRow => {
    const root = i === depth - 1;
    return {
      id: `deleg-${i}`,
      parentId: root ? null : `deleg-${i + 1}`,
      agentId: i === 0 ? 'agent' : `agent-${i}`,
      personId: root && decided.person ? 'person' : null,
      assurance: decided.assurance,
      given: decided.given,
      startedAtMs: AT - 1000,
      endsAtMs: AT + 3_600_000,
      stopCode: root ? decided.stopCode : null,
      stopReason: root ? decided.stopReason : null,
    };
  });
  const credential = credentialRow({
    serial: '5f3a9d07b2e84c6fa1d0e2773b64c91e',
    kind: 'x509-svid',
    spiffeId: 'spiffe://td.test/agent/ana',
    audience: [],
    issuedAtMs: AT,
    notBeforeMs: AT - 10_000,
    notAfterMs: AT + 900_000,
    authorityKeyId: 'authority',
    publicKeySha256: 'cd'.repeat(32),
    processKey: key,
    agentId: 'agent',
    delegationId: 'deleg-0',
    evidenceDigest: digest,
    ruleName: 'launched',
    ruleVersion: 1,
    deviceId: 'device',
  });
  const launchId = launched ? 'launch' : null;
  return {
    credential: { ...credential, recordedAtMs: AT + 5 },
    evidence: { digest, canonical: bytes, processKey: key, seenAtMs: AT },
    process: {
      key,
      deviceId: 'device',
      agentId: 'agent',
      launchId,
      viaProcessKey: null,
      membership: launched ? 'pinned' : null,
      pid: 41377,
      uid,
      startTicks: '882211',
      evidenceDigest: digest,
      seenAtMs: AT,
    },
    agent: { id: 'agent', name: 'hello-7k2m', deviceId: 'device', delegationId: 'deleg-0', launchId, startedAtMs: AT - 1000 },
    launch: launched
      ? {
          id: 'launch',
          agentId: 'agent',
          deviceId: 'device',
          name: 'hello',
          task: '',
          programPath: '/home/ana/agent.py',
          programSha256: 'ab'.repeat(32),
          argumentCount: 1,
          processKey: key,
          uid,
          user: 'ana',
          ownUid: null,
          terminal: true,
          groupFrom: '/user.slice',
          groupMissing: null,
          confinement: DOMAIN,
          measures: NOT_MEASURED,
          openedAtMs: AT - 1000,
        }
      : null,
    delegations,
    person: decided.person ? { id: 'person', ...decided.person, deviceId: 'device', firstSeenAtMs: AT - 1000 } : null,
    device: {
      id: 'device',
      machineId: '8c1f',
      hostname: 'ana-laptop',
      os: 'Debian 12',
      kernel: '6.12',
      assurance: 'declared',
      firstSeenAtMs: AT - 1000,
    },
    authority: {
      keyId: 'authority',
      kind: 'x509',
      stage: 'active',
      public: Buffer.from('00', 'hex'),
      notBeforeMs: 0,
      notAfterMs: AT * 2,
      preparedAtMs: 0,
      activatedAtMs: 0,
      retiredAtMs: null,
      taintedAtMs: null,
      revokedAtMs: null,
      early: false,
    },
    governed: null,
    ended: [],
  };
}

const HUMAN: Shape = { depth: 1, launched: true, uid: 1000 };

test('the program of a launch counts as measured only once it was seen running', () => {
  const of = (shape: Shape) => buildTrace(chainOf(shape), context).hops.find(({ kind }) => kind === 'launch')!.assurance;
  expect([of(HUMAN), of({ ...HUMAN, unseen: true })]).toEqual(['measured', 'observed']);
});

test.each<[string, number | null, string, string | null]>([
  ['never', null, 'observed', null],
  ['before it was given out', AT - 1000, 'declared', '2026-11-02T10:02:06.109Z'],
  ['since', AT + 1000, 'observed', '2026-11-02T10:02:08.109Z'],
])('what governs the agent changed %s', (_name, changedAtMs, configurationAssurance, configurationChangedAt) => {
  const [first, last] = ['a'.repeat(64), 'b'.repeat(64)];
  const chain = chainOf({ ...HUMAN, privilege: { 'agent.config_sha256': first } });
  const { attributes } = buildTrace({ ...chain, governed: { processKey: key, first, last, changedAtMs } }, context).hops[0]!;
  expect(attributes).toMatchObject({ configurationSha256: first, configurationAssurance, configurationChangedAt });
});

test('a launch by a human is complete, outermost last', () => {
  const trace = buildTrace(chainOf(HUMAN), context);
  expect(trace.hops.map((h) => [h.kind, h.id, h.assurance, h.source])).toEqual([
    ['process', key, 'measured', 'attestation'],
    ['agent', 'agent', 'observed', 'membership'],
    ['launch', 'launch', 'measured', 'launch'],
    ['delegation', 'deleg-0', 'launched', 'delegation'],
    ['issuer', 'inst', 'separated', 'server'],
    ['device', 'device', 'declared', 'node'],
    ['delegator', 'person', 'os-account', 'process-uid'],
  ]);
  expect(trace).toMatchObject({
    credential: {
      serial: '5f3a9d07b2e84c6fa1d0e2773b64c91e',
      state: 'valid',
      issuedAt: '2026-11-02T10:02:07.109Z',
      recordedAt: '2026-11-02T10:02:07.114Z',
      rule: { name: 'launched', version: 1 },
    },
    delegator: { kind: 'os-account', name: 'ana', uid: 1000, assurance: 'os-account', given: 'launched' },
    complete: true,
    stopsAt: null,
    weakest: { process: 'measured', delegator: 'os-account', device: 'declared' },
  });
  expect(trace.hops[0]!.attributes).toMatchObject({ pid: 41377, path: '/usr/local/bin/reporter', endedAt: null });
});

test.each([
  [DOMAIN, undefined, 'domain', null],
  [DOMAIN, 'domain', 'domain', null],
  [DOMAIN, 'contradicted', 'contradicted', null],
  [noDomain('kernel'), undefined, 'none', 'kernel'],
])('the domain that was said to be around a launch (%j), seen as %j', (confinement, seen, word, reason) => {
  const chain = chainOf({ ...HUMAN, confinement: seen });
  const launch = buildTrace({ ...chain, launch: { ...chain.launch!, confinement } }, context).hops.find(({ kind }) => kind === 'launch');
  expect(launch!.attributes).toMatchObject({ confinement: word, confinementReason: reason });
});

test('an issuer that is not separated lowers the process to observed, and says so', () => {
  const trace = buildTrace(chainOf(HUMAN), { ...context, issuer: { installed: false, uids: [1000] } });
  expect(trace).toMatchObject({ complete: true, separated: false, notSeparatedBy: ['own-user'], weakest: { process: 'observed' } });
  expect(trace.hops.find((h) => h.kind === 'issuer')!.assurance).toBe('not-separated');
});

test.each([
  ['nothing', {}, []],
  ['a group', { privilege: { 'privilege.root_way': 'docker' } }, ['docker']],
  ['a capability', { privilege: { 'privilege.capabilities': ['CAP_SYS_PTRACE', 'CAP_BPF'] } }, ['CAP_BPF', 'CAP_SYS_PTRACE']],
  ['sudo that is not known', { privilege: { 'privilege.root_way': 'sudo-unknown' } }, ['sudo-unknown']],
  ['nobody looked', { privilege: { 'privilege.root_way': [] } }, ['privilege-unknown']],
  ['root', { uid: 0 }, ['root']],
  ['the uid of the database', { uid: 991 }, ['issuer-uid']],
] as const)('an installed issuer, and %s that reaches it', (_, shape, wanted) => {
  const trace = buildTrace(chainOf({ ...HUMAN, ...shape }), context);
  const separated = wanted.length === 0;
  expect(trace).toMatchObject({ separated, notSeparatedBy: wanted, weakest: { process: separated ? 'measured' : 'observed' } });
  expect(valid(JSON.parse(JSON.stringify(trace)))).toBe(true);
});

test.each([
  [0, 'STOP_ROOT'],
  [999, 'STOP_SYSTEM_ACCOUNT'],
  [65534, 'STOP_SYSTEM_ACCOUNT'],
])('a launch by uid %p stops at the delegator with %s', (uid, code) => {
  const trace = buildTrace(chainOf({ ...HUMAN, uid }), context);
  expect(trace).toMatchObject({ delegator: null, complete: false, stopsAt: { kind: 'delegator', code }, weakest: { delegator: null } });
  expect(trace.stopsAt!.reason).toMatch(/^it was started by /);
  expect(trace.hops.map((h) => h.kind)).toEqual(['process', 'agent', 'launch', 'delegation', 'issuer', 'device']);
});

test.each([
  ['expired', { nowMs: AT + 900_000 }, []],
  ['not-yet-valid', { nowMs: AT - 10_001 }, []],
  ['ended', {}, [{ kind: 'process' as const, id: key, atMs: AT + 10, reason: 'exit' }]],
  ['ended', {}, [{ kind: 'delegation' as const, id: 'deleg-0', atMs: AT + 10, reason: 'revoked' }]],
  ['valid', {}, [{ kind: 'process' as const, id: 'another', atMs: AT + 10, reason: 'exit' }]],
])('the credential is %s', (state, change, ended) => {
  const trace = buildTrace({ ...chainOf(HUMAN), ended }, { ...context, ...change });
  expect(trace.credential.state).toBe(state);
  expect(trace.complete).toBe(true);
});

test('what the server issued to itself has no human and does not claim one', () => {
  const chain = chainOf(HUMAN);
  const { recordedAtMs, ...row } = chain.credential;
  const tls = credentialRow({
    ...row,
    kind: 'server-tls',
    processKey: null,
    agentId: null,
    delegationId: null,
    evidenceDigest: null,
    deviceId: null,
  });
  const trace = buildTrace({ ...chain, credential: { ...tls, recordedAtMs } }, context);
  expect(trace).toMatchObject({ complete: false, delegator: null, stopsAt: { kind: 'issuer', code: 'STOP_OWN' } });
  expect(trace.hops.map((h) => h.kind)).toEqual(['issuer']);
});

/** Everything that can be wrong with a stored chain. Each returns undefined where it does not apply. */
type Fault = (chain: Chain, pick: number) => Chain | null | undefined;
const without =
  (name: 'evidence' | 'process' | 'agent' | 'device' | 'authority' | 'person' | 'launch'): Fault =>
  (chain) =>
    chain[name] === null ? undefined : { ...chain, [name]: null };
const renamed =
  (name: 'agent' | 'device' | 'person' | 'launch'): Fault =>
  (chain) => {
    const row = chain[name];
    return row === null ? undefined : { ...chain, [name]: { ...row, id: 'other' } };
  };
const column =
  (change: Partial<CredentialRow>): Fault =>
  (chain) => ({ ...chain, credential: { ...chain.credential, ...change } });
const delegation =
  (change: (row: DelegationRow) => Partial<DelegationRow>): Fault =>
  (chain, pick) => {
    const at = pick % chain.delegations.length;
    return { ...chain, delegations: chain.delegations.map((row, i) => (i === at ? { ...row, ...change(row) } : row)) };
  };
const FAULTS: Record<string, Fault> = {
  'evidence missing': without('evidence'),
  'process missing': without('process'),
  'agent missing': without('agent'),
  'launch missing': without('launch'),
  'device missing': without('device'),
  'authority missing': without('authority'),
  'person deleted': without('person'),
  'another agent': renamed('agent'),
  'another device': renamed('device'),
  'another person': renamed('person'),
  'another launch': renamed('launch'),
  'another process': (chain) => chain.process && { ...chain, process: { ...chain.process, key: 'other' } },
  'process of another agent': (chain) => chain.process && { ...chain, process: { ...chain.process, agentId: 'other' } },
  'launch of another agent': (chain) => (chain.launch ? { ...chain, launch: { ...chain.launch, agentId: 'other' } } : undefined),
  'another authority': (chain) => chain.authority && { ...chain, authority: { ...chain.authority, keyId: 'other' } },
  'identity changed': column({ spiffeId: 'spiffe://td.test/agent/bob' }),
  'lifetime changed': column({ notAfterMs: AT + 1 }),
  'agent changed': column({ agentId: 'other' }),
  'record changed': column({ record: Buffer.from('{}') }),
  'evidence bytes changed': (chain) => {
    const bytes = Buffer.from(chain.evidence!.canonical);
    bytes[bytes.length - 3]! ^= 1;
    return { ...chain, evidence: { ...chain.evidence!, canonical: bytes } };
  },
  'evidence replaced by another': (chain) => {
    const { bytes, digest } = encodeEvidence(evidence({ 'user.name': 'bob' }));
    return { ...chain, evidence: { ...chain.evidence!, canonical: bytes, digest } };
  },
  'evidence of another process, recorded': (chain) => {
    const { bytes, digest } = encodeEvidence(evidence(REPORTER, { processKey: 'other' }));
    const { recordedAtMs, ...row } = chain.credential;
    const credential = { ...row, evidenceDigest: digest };
    return {
      ...chain,
      credential: { ...credential, record: issuanceRecord(credential), recordedAtMs },
      evidence: { ...chain.evidence!, canonical: bytes, digest },
    };
  },
  'no delegation': (chain) => ({ ...chain, delegations: [] }),
  'root missing': (chain) => (chain.delegations.length < 2 ? undefined : { ...chain, delegations: chain.delegations.slice(0, -1) }),
  'own delegation missing': (chain) => (chain.delegations.length < 2 ? undefined : { ...chain, delegations: chain.delegations.slice(1) }),
  'delegations swapped': (chain) =>
    chain.delegations.length < 2 ? undefined : { ...chain, delegations: [...chain.delegations].reverse() },
  'a delegation twice': (chain) => ({ ...chain, delegations: [...chain.delegations, chain.delegations[0]!] }),
  'a delegation renamed': delegation(() => ({ id: 'other' })),
  'a parent renamed': delegation((row) => ({ parentId: row.parentId === null ? 'other' : 'another' })),
  'a delegation cut to be a root': (chain, pick) =>
    chain.delegations.length < 2 ? undefined : delegation(() => ({ parentId: null }))(chain, pick % (chain.delegations.length - 1)),
  'own delegation of another agent': (chain) => {
    const own = chain.delegations.findIndex(({ id }) => id === chain.credential.delegationId);
    return own < 0 ? undefined : delegation(() => ({ agentId: 'other' }))(chain, own);
  },
  'a delegation expired before': delegation(() => ({ endsAtMs: AT })),
  'a delegation ended before': (chain, pick) => ({
    ...chain,
    ended: [{ kind: 'delegation', id: chain.delegations[pick % chain.delegations.length]!.id, atMs: AT - 1, reason: 'revoked' }],
  }),
  'person removed from the delegation': (chain) => delegation(() => ({ personId: null }))(chain, chain.delegations.length - 1),
  'a stop at the root': (chain) => delegation(() => ({ stopCode: 'STOP_ROOT', stopReason: 'x' }))(chain, chain.delegations.length - 1),
  'a person who is root': (chain) => (chain.person ? { ...chain, person: { ...chain.person, uid: 0 } } : undefined),
};

const shape = fc.record({
  depth: fc.integer({ min: 1, max: 8 }),
  launched: fc.boolean(),
  uid: fc.constantFrom(0, 999, 1000, 60000, 65534),
});
const ORDER = ['process', 'agent', 'launch', 'delegation', 'issuer', 'device', 'delegator'];

test('no orphan is shown complete: a chain reaches a human or says where and why it stops', () => {
  const fault = fc.tuple(fc.constantFrom(...Object.values(FAULTS)), fc.nat({ max: 7 }));
  const seen = { complete: 0, stopped: 0 };
  fc.assert(
    fc.property(shape, fc.array(fault, { maxLength: 3 }), fc.boolean(), (of, faults, installed) => {
      let chain = chainOf(of);
      for (const [apply, pick] of faults) {
        if (chain.evidence === null || chain.delegations.length === 0) break;
        chain = apply(chain, pick) ?? chain;
      }
      // Two faults may undo each other.
      const changed = JSON.stringify(chain) !== JSON.stringify(chainOf(of));
      const broken = changed || of.uid < 1000 || of.uid === 65534;
      const trace = buildTrace(chain, { ...context, issuer: { installed, uids: [990, 991] } });
      expect(trace.separated).toBe(trace.notSeparatedBy.length === 0);
      expect([valid(JSON.parse(JSON.stringify(trace))), valid.errors]).toEqual([true, null]);
      expect(trace.complete).toBe(!broken);
      expect(trace.stopsAt === null).toBe(trace.complete);
      if (trace.stopsAt !== null) expect(TRACE_STOPS.concat('STOP_SYSTEM_ACCOUNT' as never)).toContain(trace.stopsAt.code);
      if (trace.complete) expect(trace.hops.at(-1)).toMatchObject({ kind: 'delegator', id: 'person' });
      expect(trace.delegator === null).toBe(!trace.hops.some((h) => h.kind === 'delegator'));
      const kinds = trace.hops.map((h) => ORDER.indexOf(h.kind));
      expect(kinds).toEqual([...kinds].sort((a, b) => a - b));
      if (!installed) expect(trace.separated).toBe(false);
      if (!trace.separated && trace.weakest.process !== null) expect(['declared', 'observed']).toContain(trace.weakest.process);
      seen[trace.complete ? 'complete' : 'stopped']++;
    }),
    { numRuns: 5000 },
  );
  expect(Math.min(seen.complete, seen.stopped)).toBeGreaterThan(200);
});

test.each(Object.entries(FAULTS))('%s, alone: the chain stops', (_name, apply) => {
  const broken = apply(chainOf({ ...HUMAN, depth: 3 }), 1);
  expect(buildTrace(broken!, context)).toMatchObject({ complete: false, stopsAt: { reason: expect.stringMatching(/./) } });
});

test.each(['agent missing', 'launch missing', 'own delegation missing', 'root missing', 'person deleted', 'a delegation twice'])(
  '%s: nobody is named as the delegator, nor are assurances of one',
  (name) => {
    const trace = buildTrace(FAULTS[name]!(chainOf({ ...HUMAN, depth: 3 }), 0)!, context);
    expect(trace).toMatchObject({ delegator: null, weakest: { delegator: null } });
    expect(trace.hops.some((h) => h.kind === 'delegator')).toBe(false);
  },
);
