import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOfMembers } from '../../src/system/json-members';
import { readWhole, SeenTree } from '../../src/system/seen-tree';

const asRoot = process.geteuid!() === 0;
const folder = mkdtempSync(join(tmpdir(), 'seen-'));
const here = openSync('/proc/self', constants.O_RDONLY | constants.O_DIRECTORY);
const path = (name: string): string => join(folder, name);
const ANA = { uid: 54321, groups: new Set([54321]) };
const US = { uid: process.geteuid!(), groups: new Set(process.getgroups!()) };

beforeAll(() => {
  chmodSync(folder, 0o755);
  mkdirSync(path('open/deep'), { recursive: true });
  mkdirSync(path('shut'));
  for (const name of ['open/a', 'open/deep/b', 'open/secret', 'shut/c']) writeFileSync(path(name), name);
  symlinkSync(path('open/a'), path('absolute'));
  symlinkSync('open/deep/../a', path('relative'));
  symlinkSync('open', path('folder'));
  symlinkSync('two', path('one'));
  symlinkSync('one', path('two'));
  symlinkSync('nowhere', path('dangling'));
  symlinkSync('/proc/self/environ', path('environ'));
  chmodSync(path('open/secret'), 0o600);
  chmodSync(path('shut'), 0o700);
  spawnSync('mkfifo', [path('fifo')]);
});
afterAll(() => {
  closeSync(here);
  rmSync(folder, { recursive: true });
});

/** What of a file a user sees, in this process's root and working folder. */
function seen(name: string, behalf = US): string {
  const tree = new SeenTree(here, behalf);
  try {
    const opened = tree.open(name);
    if (typeof opened === 'string') return opened;
    const content = readFileSync(opened.fd, 'utf8');
    closeSync(opened.fd);
    return content;
  } finally {
    tree.close();
  }
}

test.each([
  ['open/a', 'open/a'],
  ['open/deep/b', 'open/deep/b'],
  ['open//deep/./b', 'open/deep/b'],
  ['open/deep/../a', 'open/a'],
  ['absolute', 'open/a'],
  ['relative', 'open/a'],
  ['folder/deep/b', 'open/deep/b'],
  ['folder/deep/../a', 'open/a'],
  ['dangling', 'absent'],
  ['open/a/b', 'absent'],
  ['open/nothing', 'absent'],
  ['open', 'refused'],
  ['one', 'refused'],
  ['fifo', 'refused'],
  ['environ', 'refused'],
])('%s is %s', (name, expected) => expect(seen(path(name))).toBe(expected));

test('names are bytes, and end where they say', () => {
  const name = Buffer.from('open/é\xff', 'latin1').toString('latin1');
  writeFileSync(Buffer.from(path(name), 'latin1'), 'bytes');
  symlinkSync(Buffer.from(path(name), 'latin1'), path('to-bytes'));
  expect([seen(path(name)), seen(path('to-bytes')), seen(path('open/a\0b')), seen(path('folder/a\0b'))]).toEqual([
    'bytes',
    'bytes',
    'refused',
    'refused',
  ]);
});

test('a relative path starts at the working folder, and `..` ends at the root', () => {
  expect(seen('package.json')).toBe(readFileSync('package.json', 'utf8'));
  expect(seen(`${'../'.repeat(100)}${path('open/a').slice(1)}`)).toBe('open/a');
});

test('more steps than a path may have are refused', () => expect(seen(`/${'./x/'.repeat(2000)}`)).toBe('refused'));

const forRoot = asRoot ? test : test.skip;
forRoot.each([
  ['open/a', 'open/a'],
  ['open/secret', 'refused'],
  ['shut/c', 'refused'],
  ['shut/nothing', 'refused'],
])('for another user %s is %s, although we may read it', (name, expected) => {
  expect(seen(path(name), ANA)).toBe(expected);
  expect(seen(path(name))).not.toBe('refused');
});

forRoot('an owner is judged by the bits of the owner, whatever others may', () => {
  const name = path('open/own');
  writeFileSync(name, 'own');
  chownSync(name, ANA.uid, 0);
  chmodSync(name, 0o044);
  expect([seen(name, ANA), seen(name, { uid: 54322, groups: new Set([54322]) })]).toEqual(['refused', 'own']);
});

test('no descriptor is left behind, whatever was asked', () => {
  // Those of this test alone: others come and go in the process that runs the tests.
  const open = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      const link = linkOf(`/proc/self/fd/${fd}`);
      return link === '/' || link.startsWith(folder) ? [link] : [];
    });
  const before = open();
  for (const name of ['open/a', 'absolute', 'one', 'fifo', 'environ', 'open', 'dangling', 'shut/c', 'open/a/b']) seen(path(name), ANA);
  expect(open()).toEqual(before);
});

function linkOf(name: string): string {
  try {
    return readlinkSync(name);
  } catch {
    return '';
  }
}

test('content is read up to the bound, and a byte more is no content', () => {
  const fd = openSync(path('open/a'), 'r');
  const sizeBytes = 1;
  expect([readWhole({ fd, sizeBytes }, 6, true)?.bytes.toString(), readWhole({ fd, sizeBytes }, 5, true)]).toEqual(['open/a', undefined]);
  closeSync(fd);
});

describe('members of a JSON file', () => {
  const of = (text: string) => hashOfMembers(Buffer.from(text), [['servers'], ['projects', '/p', 'servers']]);

  test('are hashed whatever else changes', () => {
    const one = of('{"servers":{"a":1},"history":[1]}');
    expect(one).toEqual(of('{"history":[2],"servers":{"a":1}}'));
    expect(one).not.toEqual(of('{"servers":{"a":2}}'));
    expect(one).not.toEqual(of('{"projects":{"/p":{"servers":{"a":1}}}}'));
  });

  test.each([
    ['{"history":[1]}', 'absent'],
    ['{"projects":{"/q":{"servers":1}}}', 'absent'],
    ['{"projects":null}', 'absent'],
    ['[]', 'absent'],
    ['{', 'refused'],
  ])('%s: %s', (text, state) => expect(of(text)).toEqual({ state }));
});
