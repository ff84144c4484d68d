import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CredentialFolder, tmpfsFor } from '../../src/system/credential-folder';
import { systemRandom } from '../../src/system/random';
import { sourceArguments, talkTo } from './peers';

let home: string;
let tmpfs: string;
let at: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'files-'));
  [tmpfs, at] = [path.join(home, 'tmpfs'), path.join(home, 'at')];
  mkdirSync(tmpfs, { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true }));

const made = (seenAt = at) => new CredentialFolder(seenAt, tmpfs, systemRandom);
const files = (text: string) =>
  new Map([
    ['svid.pem', `svid ${text}`],
    ['svid_key.pem', `key ${text}`],
  ]);
const seen = () => ['svid.pem', 'svid_key.pem'].map((name) => readFileSync(path.join(at, name), 'utf8'));
const refused = (why: string) => expect.objectContaining({ code: 'E_FILES', explanation: expect.objectContaining({ why }) });

test('shows one version at a time, for its owner alone whatever the umask says', () => {
  const before = process.umask(0);
  const folder = made();
  folder.write(files('1'));
  expect(seen()).toEqual(['svid 1', 'key 1']);
  const first = realpathSync(at);
  expect(statSync(path.join(at, 'svid_key.pem')).mode & 0o777).toBe(0o600);
  for (const part of [first, path.dirname(first)]) expect(statSync(part).mode & 0o777).toBe(0o700);
  folder.write(files('2'));
  expect(seen()).toEqual(['svid 2', 'key 2']);
  expect(existsSync(first)).toBe(false);
  expect(readdirSync(path.dirname(realpathSync(at)))).toEqual(['2']);
  process.umask(before);
});

test('cleared, there is nothing until it is written again; removed, nothing is left', () => {
  const folder = made();
  folder.write(files('1'));
  folder.clear();
  expect(() => seen()).toThrow('ENOENT');
  folder.write(files('2'));
  expect(seen()).toEqual(['svid 2', 'key 2']);
  folder.remove();
  expect(readdirSync(home)).toEqual(['tmpfs']);
  expect(readdirSync(tmpfs)).toEqual([]);
});

test('takes over the link of another launch, which then leaves it alone', () => {
  const [one, two] = [made(), made()];
  one.write(files('1'));
  two.write(files('2'));
  one.remove();
  expect(seen()).toEqual(['svid 2', 'key 2']);
});

test.each([
  ['a file', () => writeFileSync(at, 'mine')],
  ['a folder', () => mkdirSync(at)],
  ['a link elsewhere', () => symlinkSync('/etc', at)],
])('%s at the place is not replaced', (_, put) => {
  put();
  const before = statSync(at).ino;
  expect(() => made().write(files('1'))).toThrow(refused('something else is there'));
  expect(statSync(at).ino).toBe(before);
});

test('a place that is not there is said', () => expect(() => made(path.join(home, 'no/at')).write(files('1'))).toThrow(refused('ENOENT')));

test('what a killed writer left is removed by the next one, what a living one holds is not', async () => {
  const program = `
    const { CredentialFolder } = system('credential-folder');
    new CredentialFolder(process.argv[1], process.argv[2], system('random').systemRandom).write(new Map([['svid.pem', process.argv[1]]]));
    console.log('written');
    process.stdin.resume();`;
  const [dead, living] = ['dead', 'living'].map((name) => talkTo(process.execPath, sourceArguments(program, path.join(home, name), tmpfs)));
  expect([await dead!.hear(), await living!.hear()]).toEqual(['written', 'written']);
  const left = readlinkSync(path.join(home, 'dead'));
  process.kill(dead!.pid, 'SIGKILL');
  await dead!.end();
  expect(existsSync(left)).toBe(true);
  made().write(files('1'));
  expect(existsSync(left)).toBe(false);
  expect(readFileSync(path.join(home, 'living/svid.pem'), 'utf8')).toContain('living');
  await living!.end();
});

test('keys are kept on a tmpfs or not at all', () => {
  const uid = process.getuid!();
  expect(tmpfsFor(uid, undefined)).toMatch(/^\/(run\/user|dev\/shm)\//);
  // An ordinary folder is passed over, and so is a relative name.
  if (statSync(home).dev !== statSync('/dev/shm').dev) expect(tmpfsFor(uid, home)).not.toContain(home);
  expect(tmpfsFor(uid, 'relative')).not.toContain('relative');
});
