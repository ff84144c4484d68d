import { existsSync, mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { GroupTree, openGroupTree } from '../../src/system/group-tree';
import { pidfdInfo, pidfdOpen } from '../../src/system/pidfd';
import { noGroups } from '../running/control-groups';
import { talkTo } from './peers';

test('nothing is looked for, or made, by who is not root', () =>
  expect(openGroupTree('mandate.test', 1000)).toEqual({ missing: 'the node does not run as root' }));

const describeGroups = noGroups === undefined ? describe : describe.skip;
if (noGroups !== undefined) process.stdout.write(`tests of control groups are skipped: ${noGroups}\n`);

describeGroups('real control groups', () => {
  const name = `mandate.test-${randomBytes(6).toString('hex')}`;
  const tree = openGroupTree(name, 0) as GroupTree;
  afterAll(() => {
    tree.close();
    expect(existsSync(tree.path)).toBe(false);
  });

  test('the folder is found again', () => expect(openGroupTree(name, 0)).toEqual(tree));

  test('a process that was moved is told by its pidfd, also below the group, until it ends', async () => {
    const inode = tree.make('one');
    const child = talkTo('/bin/sh', ['-c', 'echo up; read -r _']);
    await child.hear();
    const pidfd = pidfdOpen(child.pid);
    const changed = new Promise<void>((resolve) => {
      const unwatch = tree.watch('one', () => {
        if (tree.populated('one')) return;
        unwatch();
        resolve();
      });
    });

    expect(tree.populated('one')).toBe(false);
    await tree.move('one', child.pid);
    expect(pidfdInfo(pidfd)?.cgroupId).toBe(inode);
    expect([tree.populated('one'), tree.count('one')]).toEqual([true, 1]);
    expect(tree.remove('one')).toBe(false);

    mkdirSync(`${tree.path}/one/sub`);
    await tree.move('one/sub', child.pid);
    const { cgroupId } = pidfdInfo(pidfd)!;
    const shown = `${tree.path.slice(tree.path.indexOf('/mandate.test'))}/one/sub`;
    expect(tree.above(shown, cgroupId)).toBe('one');
    expect(tree.above(shown, inode)).toBeUndefined();
    expect(tree.above('/elsewhere', cgroupId)).toBeUndefined();
    expect([tree.populated('one'), tree.count('one')]).toEqual([true, 1]);

    tree.kill('one');
    await changed;
    await child.end();
    expect(tree.remove('one')).toBe(true);
    expect(existsSync(`${tree.path}/one`)).toBe(false);
    expect([tree.populated('one'), tree.remove('one'), tree.names()]).toEqual([false, true, []]);
  });

  test('a group is made once', () => {
    tree.make('once');
    expect(() => tree.make('once')).toThrow('EEXIST');
    expect(tree.remove('once')).toBe(true);
  });
});
