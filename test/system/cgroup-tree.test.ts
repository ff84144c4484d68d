import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupTree, unifiedMount } from '../../src/system/cgroup-tree';

test.each([
  ['cgroup v2 alone', '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw', '/sys/fs/cgroup'],
  ['beside v1', '30 23 0:26 / /c/pids rw - cgroup cgroup rw,pids\n31 23 0:27 / /c/unified rw shared:4 - cgroup2 none rw', '/c/unified'],
  ['a part of the tree', '30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 rw', undefined],
  ['none', '30 23 0:26 / / rw - ext4 /dev/x rw', undefined],
  ['another type that begins so', '30 23 0:26 / /x rw - cgroup2fs x rw', undefined],
])('mounted: %s', (_, mountinfo, expected) => expect(unifiedMount(mountinfo)).toBe(expected));

const mount = unifiedMount(readFileSync('/proc/self/mountinfo', 'latin1'));
const name = `mandate-test-${process.pid}`;
const writable = mount !== undefined && process.geteuid!() === 0 && make(join(mount, name));

function make(folder: string): boolean {
  try {
    if (!existsSync(folder)) mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

(writable ? describe : describe.skip)('who moves processes', () => {
  const tree = cgroupTree(mount);
  const inner = `${name}/given`;
  beforeAll(() => void make(join(mount!, inner)));
  afterAll(() => {
    rmdirSync(join(mount!, inner));
    rmdirSync(join(mount!, name));
  });
  const after = (change: () => void, undo: () => void): boolean => {
    change();
    try {
      return tree.onlyRootMoves(`/${inner}`);
    } finally {
      undo();
    }
  };

  test('root, where all folders are its own', () => {
    expect(tree.onlyRootMoves('/')).toBe(true);
    expect(tree.onlyRootMoves(`/${inner}`)).toBe(true);
  });

  test.each(['given', 'given/cgroup.procs', 'cgroup.procs'])('others, once %s is given to a user', (file) => {
    const path = join(mount!, name, file);
    expect(
      after(
        () => chownSync(path, 1001, 1001),
        () => chownSync(path, 0, 0),
      ),
    ).toBe(false);
    expect(tree.onlyRootMoves(`/${inner}`)).toBe(true);
  });

  test('others, where everybody may write', () => {
    const path = join(mount!, inner, 'cgroup.procs');
    expect(
      after(
        () => chmodSync(path, 0o666),
        () => chmodSync(path, 0o644),
      ),
    ).toBe(false);
  });

  test.each(['/nowhere', '/../x', `/${'a/'.repeat(40)}`])('nobody knows: %s', (folder) => expect(tree.onlyRootMoves(folder)).toBe(false));
});

test('without a tree nobody knows', () => expect(cgroupTree('').onlyRootMoves('/x')).toBe(false));
