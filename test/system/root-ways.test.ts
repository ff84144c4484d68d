import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RootWays } from '../../src/system/root-ways';

const folder = mkdtempSync(path.join(tmpdir(), 'm-'));
const at = (name: string) => path.join(folder, name);
const write = (name: string, text: string) => writeFileSync(at(name), text);
const ways = () => new RootWays({ group: at('group'), passwd: at('passwd'), sudoers: at('sudoers') });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  write('passwd', 'root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n');
  write('group', 'root:x:0:\nsudo:x:27:ana\ndocker:x:998:\nlxd:x:997:bob\n');
  rmSync(at('sudoers'), { recursive: true, force: true });
  rmSync(at('d'), { recursive: true, force: true });
});

test('without sudo and such groups there is none', () => expect(ways().of(1000, [1000])).toEqual([]));

test('a group counts that the process has, and one that the account would get by a new login', () => {
  expect(ways().of(1000, [1000, 998])).toEqual(['docker']);
  write('group', 'docker:x:998:bob,ana\nlxd:x:997:ana\n');
  expect(ways().of(1000, [1000])).toEqual(['docker', 'lxd']);
});

test('sudo by a membership that the process itself does not have', () => {
  write('sudoers', '%sudo ALL=(ALL) NOPASSWD: ALL\n');
  expect(ways().of(1000, [1000])).toEqual(['sudo-nopasswd']);
  expect(ways().of(1001, [1001])).toEqual([]);
});

test('what sudo includes counts, without names that it skips; a change is seen', () => {
  mkdirSync(at('d'));
  write('sudoers', `@includedir ${at('d')}\n`);
  write('d/x.bak', 'ana ALL=NOPASSWD: ALL\n');
  const kept = ways();
  expect(kept.of(1000, [])).toEqual([]);
  write('d/x', 'ana ALL=NOPASSWD: ALL\n');
  expect(kept.of(1000, [])).toEqual(['sudo-nopasswd']);
  rmSync(at('d/x'));
  expect(kept.of(1000, [])).toEqual([]);
});

test('what cannot be read, is too large, or includes itself is not known', () => {
  mkdirSync(at('sudoers'));
  expect(ways().of(1000, [])).toEqual(['sudo-unknown']);
  rmSync(at('sudoers'), { recursive: true });
  write('sudoers', '# \n'.repeat(100_000));
  expect(ways().of(1000, [])).toEqual(['sudo-unknown']);
  write('sudoers', `@include ${at('sudoers')}\n`);
  expect(ways().of(1000, [])).toEqual(['sudo-unknown']);
  write('sudoers', '@include missing\n');
  expect(ways().of(1000, [])).toEqual(['sudo-unknown']);
});
