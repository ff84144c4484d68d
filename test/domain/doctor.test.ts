import { judgeInstall } from '../../src/domain/doctor-install';
import type { FoundAt, InstallManifest } from '../../src/domain/install';
import { type Check, type InstallationFacts, judgeDoctor, type MachineFacts, type StateFile } from '../../src/domain/doctor';

const GOOD: MachineFacts = {
  kernel: '6.18.0',
  peerPidfd: true,
  pidfs: true,
  pidfdInfo: true,
  landlock: 7,
  cgroup2: true,
  ptraceScope: 1,
  userNamespaces: false,
  uid: 1000,
  loginUid: 1000,
  clockSynchronised: true,
  rootWays: [],
};
const file = (what: StateFile['what'], mode: number, uid: number): StateFile => ({ what, path: `/s/${what}`, mode, uid });
const INSTALLED: InstallationFacts = {
  mode: 'installed',
  accounts: { server: 990, database: 991 },
  owner: 0,
  keyHome: 'credential',
  units: false,
  files: [
    file('state', 0o711, 0),
    file('installation', 0o644, 0),
    file('configuration', 0o644, 0),
    file('keys', 0o700, 990),
    file('secrets', 0o700, 0),
    file('database', 0o700, 991),
    file('admin socket', 0o666, 990),
    file('link socket', 0o600, 990),
    file('database socket', 0o710, 991),
  ],
};
const OWN: InstallationFacts = {
  mode: 'own-user',
  accounts: null,
  owner: 1000,
  keyHome: 'plain',
  units: false,
  files: [file('keys', 0o700, 1000)],
};

const named = (checks: readonly Check[], name: string): Check => checks.find((check) => check.name === name)!;

test('a good machine and installation: everything is ok, and nothing is to be fixed', () => {
  for (const { name, result, fix, saw, why } of judgeDoctor(GOOD, INSTALLED)) {
    expect([name, result, fix]).toEqual([name, 'ok', '']);
    expect(saw).not.toBe('');
    expect(why).not.toBe('');
  }
});

test.each<[string, Partial<MachineFacts>, InstallationFacts | undefined, Check['result']]>([
  ['kernel.peerpidfd', { peerPidfd: false }, undefined, 'fail'],
  ['kernel.pidfs', { pidfs: false }, undefined, 'warn'],
  ['kernel.pidfd_info', { pidfdInfo: false }, undefined, 'warn'],
  ['kernel.landlock', { landlock: 0 }, undefined, 'warn'],
  ['kernel.landlock', { landlock: 5 }, undefined, 'warn'],
  ['kernel.landlock', { landlock: 6 }, undefined, 'ok'],
  ['kernel.cgroup2', { cgroup2: false }, undefined, 'warn'],
  ['kernel.ptrace_scope', { ptraceScope: null }, undefined, 'warn'],
  ['kernel.ptrace_scope', { ptraceScope: 0 }, undefined, 'warn'],
  ['kernel.user_namespaces', { userNamespaces: true }, undefined, 'warn'],
  ['clock', { clockSynchronised: false }, undefined, 'warn'],
  ['clock', { clockSynchronised: null }, undefined, 'warn'],
  ['person.uid', { uid: 0 }, undefined, 'warn'],
  ['person.loginuid', { loginUid: null }, undefined, 'warn'],
  ['person.root_way', { rootWays: ['docker'] }, INSTALLED, 'fail'],
  ['person.root_way', { rootWays: ['sudo-nopasswd', 'lxd'] }, undefined, 'fail'],
  ['person.root_way', { rootWays: ['docker'] }, OWN, 'warn'],
  ['person.root_way', { rootWays: ['sudo-unknown'] }, INSTALLED, 'warn'],
  ['person.root_way', { rootWays: ['sudo-unknown', 'docker'] }, INSTALLED, 'fail'],
  ['person.root_way', { uid: 0, rootWays: ['docker'] }, INSTALLED, 'ok'],
  ['issuer.uids', {}, OWN, 'warn'],
  ['issuer.uids', {}, { ...INSTALLED, accounts: { server: 990, database: 990 } }, 'fail'],
  ['issuer.uids', {}, { ...INSTALLED, accounts: { server: 0, database: 990 } }, 'fail'],
  ['issuer.uids', {}, { ...INSTALLED, accounts: null }, 'fail'],
  ['keys.home', {}, OWN, 'warn'],
  ['keys.home', {}, { ...OWN, keyHome: 'sealed' }, 'ok'],
])('%s with %j', (name, change, installation, result) => {
  const check = named(judgeDoctor({ ...GOOD, ...change }, installation), name);
  expect(check.result).toBe(result);
  expect(check.fix === '').toBe(result === 'ok');
});

test.each<[StateFile['what'], number, number, string]>([
  ['state', 0o777, 0, 'chmod 0755 /s/state'],
  ['configuration', 0o664, 0, 'chmod 0644 /s/configuration'],
  ['configuration', 0o644, 1000, 'chown 0 /s/configuration'],
  ['keys', 0o750, 990, 'chmod 0700 /s/keys'],
  ['keys', 0o700, 1000, 'chown 990 /s/keys'],
  ['secrets', 0o701, 0, 'chmod 0700 /s/secrets'],
  ['database', 0o700, 1000, 'chown 991 /s/database'],
  ['database socket', 0o711, 991, 'chmod 0710 /s/database socket'],
])('%s with mode %o of uid %d fails', (what, mode, uid, fix) => {
  const [check] = judgeDoctor(GOOD, { ...INSTALLED, files: [file(what, mode, uid)] }).filter(({ name }) => name.startsWith('file.'));
  expect(check).toMatchObject({ result: 'fail', fix });
});

test('the same file of root in place of its own account is no way in', () => {
  const checks = judgeDoctor(GOOD, { ...INSTALLED, files: [file('keys', 0o700, 0)] });
  expect(named(checks, 'file.keys').result).toBe('ok');
});

describe('an installation that systemd runs', () => {
  const link = (units: boolean, mode: number) => {
    const files = INSTALLED.files.map((one) => (one.what === 'link socket' ? { ...one, mode } : one));
    return named(judgeDoctor(GOOD, { ...INSTALLED, files, units }), 'file.link_socket').result;
  };

  test('its node reaches the server by the group, and nobody else may', () => {
    expect([link(true, 0o660), link(false, 0o660), link(true, 0o666)]).toEqual(['ok', 'fail', 'fail']);
  });

  const manifest: InstallManifest = {
    v: 1,
    program: { node: '/usr/bin/node', main: '/opt/mandate/dist/src/main.js' },
    files: [{ path: '/a', sha256: 'one' }],
    links: [{ path: '/l', target: '/t' }],
    folders: [],
    accounts: [],
  };
  const judged = (at: Readonly<Record<string, FoundAt>>, accounts = ['mandate', 'mandate-db'], programFault?: string) =>
    judgeInstall({
      found: {
        root: '/',
        systemd: 'runs',
        manifest,
        at: (path) => at[path] ?? { kind: 'nothing' },
        hasFolder: () => true,
        hasAccount: (name) => accounts.includes(name),
      },
      programFault,
    }).map(({ result }) => result);
  const [FILE, LINK] = [{ kind: 'file', sha256: 'one' } as const, { kind: 'link', target: '/t' } as const];

  test.each<[string, ReturnType<typeof judged>, readonly string[]]>([
    ['as it was made', judged({ '/a': FILE, '/l': LINK }), ['ok', 'ok', 'ok']],
    ['an edited unit', judged({ '/a': { kind: 'file', sha256: 'two' }, '/l': LINK }), ['warn', 'ok', 'ok']],
    ['a unit that is gone', judged({ '/l': LINK }), ['warn', 'ok', 'ok']],
    ['a link that leads elsewhere', judged({ '/a': FILE, '/l': { kind: 'link', target: '/x' } }), ['warn', 'ok', 'ok']],
    ['an account that is gone', judged({ '/a': FILE, '/l': LINK }, ['mandate']), ['ok', 'fail', 'ok']],
    ['a program of somebody', judged({ '/a': FILE, '/l': LINK }, undefined, '/opt: it belongs to uid 1000'), ['ok', 'ok', 'fail']],
  ])('%s', (_what, results, expected) => expect(results).toEqual(expected));
});
