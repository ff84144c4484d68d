import type { Ancestor, Evidence, Fact } from '../../src/domain/evidence';
import type { ProcessAssurance } from '../../src/domain/assurance';
import type { Rule, RuleSet, RuleVersion } from '../../src/domain/rule';

export const HASH = '9f2c8b1e'.repeat(8);
export const BOOT = '3f0c9a52-7f0e-4a55-9d7e-1f6b6f0a2c11';

const assuranceOf = (type: string): ProcessAssurance =>
  type === 'launch.name' ? 'declared' : type.endsWith('.sha256') ? 'measured' : 'observed';

/** Facts as a node would report them, from `type: value` or `type: [values]`. */
export const facts = (values: Record<string, string | readonly string[]>): Fact[] =>
  Object.entries(values).flatMap(([type, value]) => [value].flat().map((v) => ({ type, value: v, assurance: assuranceOf(type) })));

/** What the node reports of a program that ana started from her shell. */
export const REPORTER = {
  'binary.path': '/usr/local/bin/reporter',
  'binary.sha256': HASH,
  'cgroup.path': '/user.slice/user-1000.slice/session-2.scope',
  'cgroup.unit': 'session-2.scope',
  'host.name': 'ana-laptop',
  'process.ancestor': ['/usr/bin/zsh', '/usr/lib/systemd/systemd'],
  'process.parent': '/usr/bin/zsh',
  'user.gid': '1000',
  'user.group': 'ana',
  'user.name': 'ana',
  'user.supplementary_group': ['docker', 'engineers'],
  'user.uid': '1000',
};

export const LAUNCH = {
  'launch.id': '0197a2f0-0000-7000-8000-00000000abcd',
  'launch.name': 'hello',
  'launch.path': '/home/ana/agent.py',
  'launch.sha256': 'ab'.repeat(32),
  'launch.uid': '1000',
  'launch.user': 'ana',
};

export const evidence = (values: Record<string, string | readonly string[]> = REPORTER, change: Partial<Evidence> = {}): Evidence => ({
  v: 1,
  salt: '0123456789abcdef'.repeat(2),
  processKey: `${BOOT}:41377`,
  pid: 41377,
  uid: 1000,
  gid: 1000,
  startTicks: '882211',
  facts: facts(values),
  ancestors: [] as Ancestor[],
  chainEnd: 'init',
  gaps: [],
  ...change,
});

export const rule = (name: string, match: Rule['match'], change: Partial<Rule> = {}, issue: Partial<Rule['issue']> = {}): RuleVersion => ({
  rule: {
    name,
    priority: 0,
    disabled: false,
    match,
    require: {},
    issue: { id: `/${name}`, hint: '', x509TtlSeconds: 900, jwtTtlSeconds: 300, audiences: [], ...issue },
    ...change,
  },
  version: 4,
  contentSha256: '00'.repeat(32),
  appliedAtMs: 0,
  author: 'ana',
});

export const ruleSet = (...rules: RuleVersion[]): RuleSet => ({ generation: 7, rules });
