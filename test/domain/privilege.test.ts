import { reachingCapabilities, sudoAnswer, type SudoRules, sudoRules, type SudoUser, wayOfGroup } from '../../src/domain/privilege';

test.each([
  ['0000000000000000', []],
  ['0000000000002000', []], // CAP_NET_RAW reaches no memory and no file
  ['0000000000080000', ['CAP_SYS_PTRACE']],
  ['0000008000200082', ['CAP_DAC_OVERRIDE', 'CAP_SETUID', 'CAP_SYS_ADMIN', 'CAP_BPF']],
] as const)('CapEff %s', (hex, names) => expect(reachingCapabilities(hex)).toEqual(names));

test('what is no capability set is not taken for an empty one', () => {
  for (const text of [undefined, '', 'none', '0x0', '0'.repeat(17)]) expect(reachingCapabilities(text)).toBeUndefined();
});

test.each([
  ['docker', 'docker'],
  ['lxd', 'lxd'],
  ['incus-admin', 'lxd'],
  ['libvirt', 'libvirt'],
  ['audio', undefined],
  ['constructor', undefined],
])('group %s', (name, way) => expect(wayOfGroup(name)).toBe(way));

const ana: SudoUser = { uid: 1000, name: 'ana', gids: [1000, 27], groups: ['ana', 'sudo'] };
const noInclude = (): SudoRules => {
  throw new Error('this text includes nothing');
};
const answer = (text: string, user = ana): string => sudoAnswer(sudoRules(text, noInclude), user);

test.each([
  ['', 'none'],
  ['%sudo ALL=(ALL:ALL) ALL', 'none'],
  ['# ana ALL=(ALL) NOPASSWD: ALL', 'none'],
  ['#ana ALL=(ALL) NOPASSWD: ALL', 'none'],
  ['bob ALL=(ALL) NOPASSWD: ALL', 'none'],
  ['%admin ALL=NOPASSWD: ALL', 'none'],
  ['Cmnd_Alias X = /bin/NOPASSWD:', 'none'],
  ['Defaults env_reset', 'none'],
  ['ana ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['ana ALL = (root) NOPASSWD:SETENV: /usr/bin/apt', 'nopasswd'],
  ['ana host = PASSWD: /bin/ls, NOPASSWD: /bin/cat # comment', 'nopasswd'],
  ['bob, ana ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['%sudo ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['"ana" ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['#1000 ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['%#27 ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['#1001 ALL=(ALL) NOPASSWD: ALL', 'none'],
  ['ALL ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['ana \\\n  ALL=(ALL) \\\n  NOPASSWD: ALL', 'nopasswd'],
  ['Defaults !authenticate', 'nopasswd'],
  ['Defaults:bob !authenticate', 'none'],
  ['Defaults:ana env_reset, !authenticate', 'nopasswd'],
  ['Defaults@host !authenticate', 'nopasswd'],
  ['Defaults exempt_group=sudo', 'nopasswd'],
  ['Defaults exempt_group = wheel', 'none'],
  ['OPS ALL=(ALL) NOPASSWD: ALL', 'unknown'],
  ['ALL, !ana ALL=(ALL) NOPASSWD: ALL', 'nopasswd'],
  ['+netgroup ALL=(ALL) NOPASSWD: ALL', 'unknown'],
  ['%:domain\\ admins ALL=(ALL) NOPASSWD: ALL', 'unknown'],
  ['NOPASSWD: ALL', 'unknown'],
])('%j: %s', (text, wanted) => expect(answer(text)).toBe(wanted));

test('an account without a name is met by its number, a group or everybody', () => {
  const nameless: SudoUser = { uid: 1000, name: undefined, gids: [], groups: [] };
  expect(answer('ana ALL=NOPASSWD: ALL', nameless)).toBe('none');
  expect(answer('#1000 ALL=NOPASSWD: ALL', nameless)).toBe('nopasswd');
});

test('what is included counts, and an include that is not understood is not known', () => {
  const text = '@include /etc/a\n#includedir /etc/sudoers.d\n';
  const seen: string[] = [];
  const rules = sudoRules(text, (directive, path) => {
    seen.push(`${directive} ${path}`);
    return { withoutPassword: path === '/etc/a' ? [['ana']] : [], unclear: path !== '/etc/a' };
  });
  expect(seen).toEqual(['include /etc/a', 'includedir /etc/sudoers.d']);
  expect(rules).toEqual({ withoutPassword: [['ana']], unclear: true });
  expect(sudoAnswer(rules, ana)).toBe('nopasswd');
  expect(sudoAnswer(rules, { ...ana, name: 'bob' })).toBe('unknown');
});
