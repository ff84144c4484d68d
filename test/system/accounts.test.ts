import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileAccounts, fileHomes, lowestPersonUid, parseNames } from '../../src/system/accounts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'accounts-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
};

test.each([
  ['ana:x:1000:1000::/home/ana:/bin/sh', [[1000, 'ana']]],
  ['# comment\n\nroot:x:0:0::/root:/bin/sh', [[0, 'root']]],
  ['first:x:5:5\nsecond:x:5:5', [[5, 'first']]],
  ['noid:x::\n:x:7:\nminus:x:-1:\nhuge:x:99999999999:\nhex:x:0x10:', []],
  ['cut', []],
])('names in %j', (text, entries) => expect([...parseNames(text)]).toEqual(entries));

test('names follow the file when it is replaced, and are gone when it is gone', () => {
  const passwd = write('passwd', 'ana:x:1000:1000::/:/bin/sh\n');
  const group = write('group', 'engineers:x:2000:ana\n');
  const accounts = fileAccounts(passwd, group);
  expect([accounts.userName(1000), accounts.userName(1001), accounts.groupName(2000)]).toEqual(['ana', undefined, 'engineers']);
  write('passwd', 'bob:x:1000:1000::/:/bin/sh\n');
  expect(accounts.userName(1000)).toBe('bob');
  rmSync(passwd);
  expect(accounts.userName(1000)).toBeUndefined();
  write('passwd', 'eve:x:1000:1000::/:/bin/sh\n');
  expect(accounts.userName(1000)).toBe('eve');
});

test('home folders, of the first entry of a uid, and only where they are paths', () => {
  const homes = fileHomes(
    write(
      'passwd',
      'ana:x:1000:1000:Ana:/home/ana:/bin/sh\nbob:x:1000:1::/home/bob:\nodd:x:7:7::home:/bin/sh\ncut:x:8\njos:x:10:10::/home/josé:\n',
    ),
  );
  expect([1000, 7, 8, 9].map((uid) => homes.home(uid))).toEqual(['/home/ana', undefined, undefined, undefined]);
  // As the kernel writes it: one character for each byte.
  expect(homes.home(10)).toBe('/home/jos\xc3\xa9');
});

test.each([
  ['UID_MIN\t\t\t 500\n', 500],
  ['#UID_MIN 500\nSYS_UID_MIN 100\n', 1000],
  ['', 1000],
])('lowest uid of a person in %j', (text, uid) => expect(lowestPersonUid(write('login.defs', text))).toBe(uid));

test('lowest uid of a person without the file', () => expect(lowestPersonUid(join(folder, 'none'))).toBe(1000));
