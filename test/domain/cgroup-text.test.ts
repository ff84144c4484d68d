import { isNodeUnit, cgroup2Mounts, isPopulated, unifiedPath, withUnifiedPath } from '../../src/domain/cgroup-text';

/** A hybrid machine: a tmpfs stands where many look for the unified hierarchy. */
const HYBRID = `23 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

describe('mounts of cgroup2', () => {
  test.each([
    ['hybrid', HYBRID, [{ root: '/', at: '/sys/fs/cgroup/unified' }]],
    [
      'unified, with optional fields',
      '30 23 0:26 / /sys/fs/cgroup rw shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n',
      [{ root: '/', at: '/sys/fs/cgroup' }],
    ],
    ['a part of it', '9 8 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n', [{ root: '/docker/abc', at: '/sys/fs/cgroup' }]],
    ['a path with a blank', '9 8 0:26 / /mnt/a\\040b rw - cgroup2 x rw\n', [{ root: '/', at: '/mnt/a b' }]],
    ['a source that calls itself so', '9 8 0:26 / /mnt rw - tmpfs cgroup2 rw\n', []],
    [
      'two',
      `${HYBRID}50 23 0:38 / /other rw - cgroup2 none rw\n`,
      [
        { root: '/', at: '/sys/fs/cgroup/unified' },
        { root: '/', at: '/other' },
      ],
    ],
    ['none', '23 1 254:0 / / rw - ext4 /dev/vda rw\n', []],
    ['no mountinfo', 'x\n\n - \n - cgroup2', []],
  ])('%s', (_, mountinfo, mounts) => expect(cgroup2Mounts(mountinfo)).toEqual(mounts));
});

describe('the group of a process', () => {
  test.each([
    ['hybrid', '9:name=systemd:/\n4:memory:/a\n0::/user.slice/b\n', '/user.slice/b'],
    ['the root', '0::/\n', '/'],
    ['version 1 only', '4:memory:/a\n', undefined],
    ['a name that looks like the line', '4:0::/x:/a\n', undefined],
  ])('%s', (_, text, path) => expect(unifiedPath(text)).toBe(path));

  test('another path replaces the one line', () =>
    expect(withUnifiedPath('4:memory:/a\n0::/mandate.launches/x\n', '/user.slice')).toBe('4:memory:/a\n0::/user.slice\n'));
});

test.each([
  ['populated 1\nfrozen 0\n', true],
  ['populated 0\nfrozen 0\n', false],
  ['frozen 0\npopulated 0\n', false],
  ['', true],
  ['populated 01\n', true],
])('%j is populated: %s', (events, expected) => expect(isPopulated(events)).toBe(expected));

test.each<[string, string, string, boolean]>([
  ['the node beside the server', '0::/system.slice/mandate-node.service\n', '0::/system.slice/mandate-server.service\n', true],
  ['another unit', '0::/system.slice/cron.service\n', '0::/system.slice/mandate-server.service\n', false],
  [
    'below the node, which makes no groups of its own',
    '0::/system.slice/mandate-node.service/x\n',
    '0::/system.slice/mandate-server.service\n',
    false,
  ],
  ['the same name elsewhere', '0::/user.slice/mandate-node.service\n', '0::/system.slice/mandate-server.service\n', false],
  ['no unified group', '1:name=systemd:/system.slice/mandate-node.service\n', '0::/system.slice/mandate-server.service\n', false],
  ['a server in no unit: groups say nothing', '0::/\n', '0::/\n', true],
])('%s is the node of a server: %j beside %j', (_what, cgroup, server, expected) => {
  expect(isNodeUnit(cgroup, server)).toBe(expected);
});
