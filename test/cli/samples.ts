import type { AgentAnswer, AgentItem, AgentsAnswer, StopAnswer, WhoAnswer } from '../../src/domain/agent-answers';
import type { AuthoritiesAnswer, AuthorityItem, OrderAnswer } from '../../src/domain/authority-answers';
import type { BundleAnswer, DatabaseStatusAnswer, StatusAnswer } from '../../src/domain/answers';
import type { FederationAnswer, FederationItem } from '../../src/domain/federation-answers';
import type { ApplyAnswer, ExplainAnswer, RuleAnswer, RuleItem, RulesAnswer } from '../../src/domain/rule-answers';
import type {
  ManifestAcceptedAnswer,
  ManifestAnswer,
  ManifestItem,
  ManifestsAnswer,
  ManifestVerifyAnswer,
} from '../../src/domain/manifest-answers';

export const SERIAL = '5f3a9d07b2e84c6fa1d0e2773b64c91e';
export const TD = 'ana-laptop-7k2mq9xd.mandate.internal';
export const AGENT_ID = `spiffe://${TD}/agent/ana`;
const SHA = '77ab'.repeat(16);

export const STATUS: StatusAnswer = {
  trustDomain: TD,
  workloadApi: 'unix:///run/user/1000/mandate/agent/agent.sock',
  bundleUrl: 'https://127.0.0.1:8443/bundle',
  webBundleUrl: 'https://id.acme.example/bundle',
  oidcIssuer: null,
  healthUrl: 'http://127.0.0.1:8080/ready',
  metricsUrl: 'http://127.0.0.1:8080/metrics',
  ready: true,
  separated: false,
  mode: 'own-user',
  version: '0.1.0',
  installation: '0197c1de-0000-7000-8000-000000000001',
  keys: 'plain',
  parts: [
    { name: 'server', state: 'ready', pid: 4101, uid: 1000, detail: '' },
    { name: 'node', state: 'ready', pid: 4102, uid: 1000, detail: '' },
    { name: 'database', state: 'ready', pid: 4103, uid: 1000, detail: 'private PostgreSQL 18' },
  ],
  notes: [],
};

export const AGENT: AgentItem = {
  id: '0197c1de-0000-7000-8000-0000000000a1',
  name: 'hello-7k2m',
  human: 'ana',
  state: 'running',
  rule: 'launched',
  spiffeId: AGENT_ID,
  svidLeftSeconds: 872,
  pid: 41207,
  processes: 1,
  started: '2026-03-01T09:59:20Z',
  ended: null,
};

export const AGENTS: AgentsAnswer = {
  agents: [
    AGENT,
    {
      ...AGENT,
      id: '0197c1de-0000-7000-8000-0000000000a2',
      name: 'x-0000',
      human: null,
      rule: null,
      spiffeId: null,
      svidLeftSeconds: null,
      pid: null,
      state: 'ended',
      ended: '2026-03-01T09:59:30Z',
    },
  ],
  more: false,
};

export const AGENT_SHOWN: AgentAnswer = {
  agent: AGENT,
  launch: {
    id: '0197c1de-0000-7000-8000-0000000000b1',
    name: 'hello',
    task: 'weekly report',
    program: '/home/ana/agent.py',
    programSha256: SHA,
    argumentCount: 1,
    terminal: true,
    measures: {
      script: { path: '/home/ana/agent.py', sha256: SHA },
      package: { name: 'pypi:agent@1.2.0', sha256: SHA, lockSha256: null },
      configuration: { product: 'generic', sha256: SHA },
    },
    confinement: 'domain',
    confinementReason: null,
    user: 'ana',
    ownUid: null,
    membership: 'cgroup',
    groupMissing: null,
    opened: '2026-03-01T09:59:20Z',
  },
  delegation: {
    id: '0197c1de-0000-7000-8000-0000000000d1',
    delegator: { kind: 'os-account', name: 'ana', uid: 1000 },
    assurance: 'os-account',
    given: 'launched',
    started: '2026-03-01T09:59:20Z',
    ends: '2026-03-08T09:59:20Z',
    stop: null,
  },
  processes: [{ key: 'boot:1', pid: 41207, uid: 1000, seen: '2026-03-01T09:59:21Z', via: null, membership: 'pinned' }],
  latest: {
    serial: SERIAL,
    kind: 'x509-svid',
    spiffeId: AGENT_ID,
    rule: 'launched',
    ruleVersion: 1,
    issued: '2026-03-01T09:59:32Z',
    notAfter: '2026-03-01T10:14:32Z',
  },
};

export const STOPPED: StopAnswer = {
  agent: { id: AGENT.id, name: AGENT.name },
  by: 'cgroup',
  processes: 3,
  stopped: true,
  left: 0,
  lastSvid: '2026-03-01T10:14:32Z',
};

export const WHO: WhoAnswer = {
  pid: 41207,
  processKey: 'boot:1',
  agent: { id: AGENT.id, name: AGENT.name },
  launch: '0197c1de-0000-7000-8000-0000000000b1',
  human: 'ana',
  facts: [
    { selector: 'user.name', value: 'ana', assurance: 'observed' },
    { selector: 'binary.sha256', value: SHA, assurance: 'measured' },
  ],
  ancestors: [{ pid: 900, uid: 1000, exe: '/usr/bin/zsh' }],
  chainEnd: 'init',
  gaps: [],
  identities: [{ spiffeId: AGENT_ID, rule: 'launched', ruleVersion: 1 }],
  refusal: null,
};

export const RULE: RuleItem = {
  name: 'launched',
  version: 1,
  priority: 0,
  disabled: false,
  match: { 'launch.id': ['*'] },
  require: { delegator: 'os-account', given: ['launched', 'approved'] },
  id: '/agent/{user}',
  hint: '',
  x509TtlSeconds: 900,
  jwtTtlSeconds: 300,
  audiences: ['*'],
  rs256: ['sts.amazonaws.com'],
  contentSha256: SHA,
  applied: '2026-03-01T09:00:00Z',
  author: 'ana (uid 1000)',
};

export const RULES: RulesAnswer = { generation: 3, rules: [RULE] };
export const RULE_SHOWN: RuleAnswer = {
  rule: RULE,
  versions: [{ version: 1, contentSha256: SHA, applied: '2026-03-01T09:00:00Z', author: 'ana (uid 1000)' }],
};

export const RULE_BY_MANIFEST: RuleItem = {
  ...RULE,
  name: 'claude-code',
  match: { 'binary.sha256': { manifest: 'claude-code', graceSeconds: 1_209_600 } },
};

const KEY_ID = `ed25519:${SHA}`;
export const MANIFEST: ManifestItem = {
  name: 'claude-code',
  kind: 'releases',
  state: 'in-force',
  version: 3,
  entries: 1,
  statementSha256: SHA,
  signedBy: KEY_ID,
  accepted: '2026-03-01T09:00:00Z',
  expires: null,
  author: 'ana (uid 1000)',
  rules: ['claude-code'],
};

export const MANIFESTS: ManifestsAnswer = {
  manifests: [MANIFEST, { ...MANIFEST, name: 'old', state: 'damaged', signedBy: null, rules: [] }],
};

const EDITED = { added: [], removed: [], changed: [{ name: '~/.claude/settings.json', before: SHA, after: SHA }] };

export const MANIFEST_SHOWN: ManifestAnswer = {
  manifest: MANIFEST,
  keys: [{ id: KEY_ID, form: 'ed25519', text: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' }],
  entries: [{ name: '2.1.0', sha256: SHA }],
  configurationSha256: null,
  agent: null,
  statements: [
    {
      version: 3,
      entries: 1,
      statementSha256: SHA,
      signedBy: KEY_ID,
      accepted: '2026-03-01T09:00:00Z',
      expires: null,
      author: 'ana (uid 1000)',
    },
    {
      version: 2,
      entries: 1,
      statementSha256: SHA,
      signedBy: KEY_ID,
      accepted: '2026-02-01T09:00:00Z',
      expires: null,
      author: 'bo (uid 1001)',
    },
  ],
  changes: {
    fromVersion: 2,
    added: [{ name: '2.1.0', sha256: SHA }],
    removed: [{ name: '2.0.0', sha256: SHA }],
    changed: [{ name: '2.0.9', before: SHA, after: SHA }],
  },
  seen: [
    {
      rule: 'claude-code',
      selector: 'binary.sha256',
      sha256: SHA,
      standing: 'newest',
      version: 3,
      name: '2.1.0',
      declared: false,
      files: null,
      pids: [41207, 41300],
    },
    {
      rule: 'claude-code',
      selector: 'binary.sha256',
      sha256: SHA,
      standing: 'grace',
      version: 2,
      name: '2.0.0',
      declared: false,
      files: null,
      pids: [41301],
    },
    {
      rule: 'claude-code',
      selector: 'binary.sha256',
      sha256: SHA,
      standing: 'refused',
      version: null,
      name: null,
      declared: false,
      files: null,
      pids: [41302],
    },
    {
      rule: 'claude-code',
      selector: 'agent.config_sha256',
      sha256: SHA,
      standing: 'newest',
      version: 3,
      name: null,
      declared: true,
      files: EDITED,
      pids: [41303],
    },
  ],
};

export const MANIFEST_ACCEPTED: ManifestAcceptedAnswer = {
  name: 'claude-code',
  kind: 'releases',
  from: 2,
  to: 3,
  changed: true,
  entries: 1,
  statementSha256: SHA,
  signedBy: KEY_ID,
  expires: '2027-01-31T00:00:00.000Z',
  keys: [KEY_ID],
  keysChanged: false,
  affected: [{ pid: 41207, agent: 'hello-7k2m', before: AGENT_ID, after: null }],
};

export const MANIFEST_VERIFIED: ManifestVerifyAnswer = {
  verified: true,
  name: 'claude-code',
  kind: 'releases',
  version: 3,
  entries: [{ name: '2.1.0', sha256: SHA }],
  configurationSha256: null,
  statementSha256: SHA,
  signedBy: KEY_ID,
  agent: null,
  expires: null,
  keys: [],
  inForce: 3,
};

export const EXPLAINED: ExplainAnswer = {
  pid: 41377,
  processKey: 'boot:2',
  agent: null,
  human: 'ana',
  chain: { delegator: 'os-account', given: 'implicit', device: 'declared' },
  facts: [
    { selector: 'binary.sha256', value: SHA, source: 'binary', assurance: 'measured' },
    { selector: 'user.name', value: 'ana', source: 'user', assurance: 'observed' },
  ],
  gaps: ['cgroup:E_ATTEST_UNREADABLE'],
  identities: [],
  refusal: {
    code: 'E_NO_RULE',
    message: 'no identity for this process',
    fix: 'change rule reporter, or apply another that matches this process',
  },
  rules: [
    {
      name: 'trusted',
      version: 2,
      outcome: 'withheld',
      spiffeId: null,
      code: 'E_ASSURANCE',
      fix: 'a launch at a controlling terminal',
      conditions: [
        { selector: 'user.name', holds: true, seen: 'ana', expected: ['ana'], fault: null },
        { selector: 'require.given', holds: false, seen: 'implicit', expected: ['launched'], fault: null },
      ],
    },
    {
      name: 'reporter',
      version: 4,
      outcome: 'no-match',
      spiffeId: null,
      code: null,
      fix: null,
      conditions: [
        { selector: 'binary.sha256', holds: false, seen: SHA, expected: ['in manifest reporter v3'], fault: 'not in manifest reporter v3' },
        { selector: 'user.name', holds: true, seen: 'ana', expected: ['ana', 'bo'], fault: null },
        { selector: 'launch.user', holds: false, seen: '', expected: ['ana'], fault: null },
      ],
    },
  ],
  more: 2,
};

export const APPLIED: ApplyAnswer = {
  generation: 4,
  changes: [
    { name: 'claude-code', from: null, to: 1 },
    { name: 'launched', from: 1, to: 2 },
  ],
  unchanged: ['reporter'],
  affected: [{ pid: 41207, agent: 'hello-7k2m', before: AGENT_ID, after: `${AGENT_ID}/claude-code` }],
};

const AUTHORITY: AuthorityItem = {
  kind: 'x509',
  keyId: '6c1f0e9a8b7d4c3e2f1a0b9c8d7e6f5a4b3c2d1e',
  stage: 'active',
  published: true,
  ready: null,
  early: false,
  prepared: '2026-02-20T10:00:00.000Z',
  activated: '2026-02-24T10:00:00.000Z',
  retired: null,
  tainted: null,
  revocation: null,
  revoked: null,
  notAfter: '2026-03-06T10:00:00.000Z',
  lastUse: null,
};

export const AUTHORITIES: AuthoritiesAnswer = {
  propagationSeconds: 300,
  refreshHintSeconds: 60,
  lifetimeSeconds: { x509: 14 * 86_400, jwt: 14 * 86_400 },
  authorities: [
    {
      ...AUTHORITY,
      keyId: 'aa11'.repeat(10),
      stage: 'revoked',
      published: false,
      tainted: '2026-02-23T10:00:00.000Z',
      revoked: '2026-02-23T11:00:00.000Z',
    },
    { ...AUTHORITY, keyId: 'bb22'.repeat(10), stage: 'retired', retired: '2026-02-24T10:00:00.000Z', lastUse: '2026-02-25T10:00:00.000Z' },
    {
      ...AUTHORITY,
      keyId: 'cc33'.repeat(10),
      stage: 'tainted',
      tainted: '2026-03-01T09:00:00.000Z',
      revocation: '2026-03-01T09:01:00.000Z',
      lastUse: '2026-03-02T09:00:00.000Z',
    },
    AUTHORITY,
    { ...AUTHORITY, keyId: 'dd44'.repeat(10), stage: 'prepared', activated: null, ready: '2026-03-01T10:03:00.000Z', early: true },
    { ...AUTHORITY, kind: 'jwt', keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' },
  ],
};

export const AUTHORITY_ORDERED: OrderAnswer = { order: 'taint', authorities: [AUTHORITY] };

export const BUNDLE: BundleAnswer = {
  trustDomain: TD,
  sequence: 2,
  refreshHintSeconds: 60,
  authorities: [
    { kind: 'x509', keyId: 'aa'.repeat(20), stage: 'active', notBefore: '2026-03-01T08:00:00Z', notAfter: '2026-03-15T08:00:00Z' },
    { kind: 'jwt', keyId: 'kid-1', stage: 'prepared', notBefore: '2026-03-01T08:00:00Z', notAfter: '2026-03-15T08:00:00Z' },
  ],
  pem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  spiffe: { keys: [], spiffe_sequence: 2, spiffe_refresh_hint: 60 },
  jwks: { keys: [] },
};

export const DATABASE: DatabaseStatusAnswer = {
  source: 'embedded',
  version: '18.4',
  migrations: [
    { name: '0001_lineage', applied: true },
    { name: '0002_more', applied: false },
  ],
  pending: 1,
};

export const PARTNER: FederationItem = {
  trustDomain: 'b.example',
  url: 'https://b.example:8443/bundle',
  profile: 'https_spiffe',
  endpointId: 'spiffe://b.example/mandate/server',
  webCa: false,
  state: 'current',
  sequence: '18446744073709551615',
  refreshHintSeconds: 300,
  x509Authorities: 2,
  jwtAuthorities: 1,
  documentSha256: SHA,
  ignored: [],
  since: '2026-03-01T09:00:00Z',
  asked: '2026-03-01T09:55:00Z',
  next: '2026-03-01T10:05:00Z',
  failures: 0,
  failure: null,
  added: '2026-02-01T09:00:00Z',
  author: '{"pid":1}',
  rules: ['reporter'],
};

export const FAILING_PARTNER: FederationItem = {
  ...PARTNER,
  trustDomain: 'c.example',
  profile: 'https_web',
  endpointId: null,
  state: 'failing',
  sequence: null,
  refreshHintSeconds: null,
  ignored: ['key 3: another use'],
  failures: 2,
  failure: { code: 'E_FEDERATION_UNREACHABLE', why: 'ECONNREFUSED' },
  rules: [],
};

export const FEDERATION: FederationAnswer = { trustDomain: TD, relationships: [PARTNER, FAILING_PARTNER] };
