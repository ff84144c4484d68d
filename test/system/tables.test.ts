import { readFileSync } from 'node:fs';
import { fileText } from '../../src/domain/file-text';
import {
  layoutReadable,
  parseStat,
  stackNotRandomised,
  statusField,
  statusGroups,
  statusIds,
  withoutRandomisation,
} from '../../src/domain/proc-text';
import { openFileLimits, startOf } from '../../src/system/exec-in-place';
import { osName } from '../../src/system/host-facts';
import { notOurs } from '../../src/system/inherited-descriptors';

describe('names from the file system as text', () => {
  test.each([
    ['plain', '/usr/bin/node', '/usr/bin/node'],
    ['empty', '', ''],
    ['valid UTF-8', Buffer.from('/home/josé/日本/𝒜').toString('latin1'), '/home/josé/日本/𝒜'],
    ['a lone continuation byte', '/a\x80b', '/a\\x80b'],
    ['an overlong slash', '/a\xc0\xafb', '/a\\xc0\\xafb'],
    ['an overlong three-byte form', '\xe0\x80\xaf', '\\xe0\\x80\\xaf'],
    ['a surrogate', '\xed\xa0\x80', '\\xed\\xa0\\x80'],
    ['above U+10FFFF', '\xf4\x90\x80\x80', '\\xf4\\x90\\x80\\x80'],
    ['a sequence cut short', '/a\xe2\x82', '/a\\xe2\\x82'],
    ['an invalid byte before a valid sequence', '\xff\xc3\xa9', '\\xffé'],
    ['newline and escape', '/a\n\x1b[2J', '/a\\x0a\\x1b[2J'],
    ['a C1 control', '\xc2\x9b', '\\xc2\\x9b'],
    ['a backslash that looks like an escape', '/a\\x41', '/a\\\\x41'],
  ])('%s', (_, latin1, text) => expect(fileText(latin1)).toBe(text));

  test('no two names give one text', () => {
    const seen = new Map<string, string>();
    for (let a = 0; a < 256; a++) {
      for (let b = 0; b < 256; b++) {
        const name = String.fromCharCode(a, b);
        const text = fileText(name);
        expect(text.isWellFormed() && !/\p{Cc}/u.test(text) && !seen.has(text)).toBe(true);
        seen.set(text, name);
      }
    }
  });
});

describe('/proc/PID/stat', () => {
  const own = readFileSync('/proc/self/stat', 'latin1');
  const rest = own.slice(own.lastIndexOf(')'));

  test.each([
    ['a plain name', 'node'],
    ['parentheses', 'a) R 1 1 1 (b'],
    ['a newline and a forged line', 'x\n1 (init) S 0'],
    ['nothing', ''],
  ])('a name of %s is no part of the fields', (_, name) => {
    const stat = parseStat(`4711 (${name}${rest}`);
    expect(stat).toEqual(parseStat(own));
    expect(stat?.ppid).toBe(process.ppid);
    expect(layoutReadable(stat!)).toBe(true);
  });

  test.each([
    ['cut in the middle', own.slice(0, own.length >> 1)],
    ['no name', '1 2 3'],
    ['empty', ''],
  ])('%s is no stat', (_, text) => expect(parseStat(text)).toBeUndefined());

  test('addresses that may not be seen are told from real ones', () => {
    const fields = rest.trimEnd().split(' ');
    for (const [number, value] of [
      [26, '1'],
      [28, '0'],
      [47, '0'],
    ] as const)
      fields[number - 2] = value;
    expect(layoutReadable(parseStat(`1 (x${fields.join(' ')}`)!)).toBe(false);
  });
});

test.each([
  ['Name:\tTracerPid:\t7\nTracerPid:\t0\n', 'TracerPid', '0'],
  ['Name:\ta\\nTracerPid:\t9\nTracerPid:\t5', 'TracerPid', '5'],
  ['Name:\tx\nGroups:\t\nNStgid:\t1', 'Groups', ''],
  ['Name:\tx', 'Groups', undefined],
  ['Name:\tx', 'Name', 'x'],
])('a line of status: %j %s', (status, name, value) => expect(statusField(status, name)).toBe(value));

test.each([
  ['Uid:\t1000\t0\t0\t0\n', { real: 1000, effective: 0 }],
  ['Uid:\t1000\n', undefined],
  ['Uid:\ta\tb\tc\td\n', undefined],
  ['', undefined],
])('ids of %j', (status, ids) => expect(statusIds(status, 'Uid')).toEqual(ids));

test.each([
  ['00000000\n', false],
  ['00040000\n', true],
  ['00c40008\n', true],
])('personality %j', (text, off) => expect(withoutRandomisation(text)).toBe(off));

test.each([
  ['7ffd1c2e4000-7ffd1c305000 rw-p 00000000 00:00 0                          [stack]\n', false],
  ['7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n', true],
  ['7ffd1c2e4000-7ffd1c305000 rw-p 00000000 00:00 0   /tmp/[stack]x\n', true],
  ['', true],
])('stack in %j', (maps, off) => expect(stackNotRandomised(maps)).toBe(off));

test.each([
  ['Max open files            1024                 20000                files     \n', { soft: 1024n, hard: 20000n }],
  ['Max open files            1024                 unlimited            files     \n', { soft: 1024n, hard: 2n ** 64n - 1n }],
  ['Max processes             1                    2                    processes \n', undefined],
])('limits %j', (text, limits) => expect(openFileLimits(text)).toEqual(limits));

test.each([
  ['NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', 'Debian GNU/Linux 12 (bookworm)'],
  ['PRETTY_NAME=Alpine\n', 'Alpine'],
  ["PRETTY_NAME='Void'\n", 'Void'],
  ['', ''],
  [`PRETTY_NAME="${'x'.repeat(9999)}"`, 'x'.repeat(256)],
])('os-release %#', (text, name) => expect(osName(text)).toBe(name));

describe('descriptors passed on by whoever started us', () => {
  const nodes = [
    [4, 'anon_inode:[eventpoll]', 0o2000002],
    [6, 'pipe:[1]', 0o2000000],
    [7, 'pipe:[1]', 0o2000001],
    [10, '/dev/null', 0o2100000],
    [11, 'anon_inode:[eventfd]', 0o2004002],
  ] as const;
  const standard = [
    [0, '/dev/null', 0o2100000],
    [1, 'pipe:[9]', 0o2000001],
    [2, 'pipe:[9]', 0o2000001],
  ] as const;
  const list = (...more: readonly (readonly [number, string, number])[]) =>
    notOurs([...standard, ...nodes, ...more].map(([fd, target, flags]) => ({ fd, target, flags })));

  test.each([
    ['none', [], []],
    ['a file before ours', [[3, '/etc/passwd', 0o2100000]], [3]],
    ['a file that node did not mark', [[20, '/etc/group', 0o100000]], [20]],
    ['one end of a pipe', [[3, 'pipe:[5]', 0o2000000]], [3]],
    [
      'one end of a pipe twice',
      [
        [3, 'pipe:[5]', 0o2000000],
        [5, 'pipe:[5]', 0o2000000],
      ],
      [3, 5],
    ],
    [
      'both ends of a pipe, unmarked',
      [
        [63, 'pipe:[5]', 0],
        [64, 'pipe:[5]', 1],
      ],
      [63, 64],
    ],
    ['a /dev/null beside the spare of node', [[5, '/dev/null', 0o2100000]], [10, 5]],
    ['a socket', [[3, 'socket:[7]', 0o2000002]], [3]],
  ] as const)('%s', (_, more, passed) => expect(list(...more)).toEqual(passed));
});

describe.each<[string | undefined, ReturnType<typeof startOf>]>([
  ['1024 0000000000000000', { openFiles: 1024n, ignored: [] }],
  ['unlimited 0000000000000801', { openFiles: 2n ** 64n - 1n, ignored: [1, 12] }],
  ['1024 ffffffffffffffff', { openFiles: 1024n, ignored: Array.from({ length: 31 }, (_, i) => i + 1).filter((n) => n !== 9 && n !== 19) }],
  [' ', { openFiles: undefined, ignored: [] }],
  ['1024 1', { openFiles: undefined, ignored: [] }],
  ['99999999999999999999999 0000000000000000', { openFiles: undefined, ignored: [] }],
  [undefined, { openFiles: undefined, ignored: [] }],
])('started with %j', (noted, start) => test('is read', () => expect(startOf(noted)).toEqual(start)));

test.each([
  ['Uid:\t0\nGroups:\t27 998 \nNgid:\t0\n', [27, 998]],
  // A process without any is in no group, and not in that of root.
  ['Uid:\t0\nGroups:\t \nNgid:\t0\n', []],
  ['Uid:\t0\n', []],
])('supplementary groups of %j', (status, groups) => expect(statusGroups(status)).toEqual(groups));
