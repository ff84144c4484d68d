import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mandate, type Said } from './command-line';

const asRoot = process.getuid?.() === 0;
if (!asRoot) process.stdout.write('install.test.ts: installations into a scratch root are made as root only\n');

const NODE_UNIT = 'etc/systemd/system/mandate-node.service';

let scratch: string;
let root: string;
let program: string;
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'mandate-install-'));
  chmodSync(scratch, 0o755);
  root = path.join(scratch, 'root');
  program = path.join(scratch, 'program');
  for (const folder of [root, `${root}/etc`, `${root}/etc/systemd`, program, `${program}/dist`]) mkdirSync(folder, { mode: 0o755 });
  put('root/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n', 0o644);
  put('root/etc/group', 'root:x:0:\n', 0o644);
  put('root/etc/shadow', 'root:*:19000:0:99999:7:::\n', 0o640);
  put('program/package.json', '{}', 0o644);
  put('program/dist/main.js', '', 0o644);
});
afterEach(() => rmSync(scratch, { recursive: true }));

function put(name: string, text: string, mode: number): void {
  writeFileSync(path.join(scratch, name), text);
  chmodSync(path.join(scratch, name), mode);
}

const install = (...args: string[]): Promise<Said> => as(0, 'install', '--root', root, ...args);
const uninstall = (...args: string[]): Promise<Said> => as(0, 'uninstall', '--root', root, ...args);
const as = (uid: number, ...argv: string[]): Promise<Said> =>
  mandate(argv, { deps: { uid, root: program, program: { node: process.execPath, main: `${program}/dist/main.js` } } });

/** Every entry below a folder: what it is, whose, with which mode and content. */
function everything(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const at = path.join(folder, name);
      const { mode, uid, gid } = lstatSync(at);
      const kind = lstatSync(at).isFile() ? createHash('sha256').update(readFileSync(at)).digest('hex') : '';
      const target = lstatSync(at).isSymbolicLink() ? readlinkSync(at) : '';
      return [name, mode.toString(8), uid, gid, kind, target].join(' ');
    });
}

(asRoot ? describe : describe.skip)('into a scratch root', () => {
  test('a second time there is nothing to do; removed, state and accounts stay', async () => {
    const before = everything(root);
    const first = await install();
    expect([first.exit, first.err]).toEqual([0, 'installed\n']);
    const installed = everything(root);
    expect(installed.length).toBeGreaterThan(before.length + 10);
    expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toMatch(/^mandate:x:999:999:.*\nmandate-db:x:998:998:/m);
    expect(readlinkSync(`${root}/etc/systemd/system/multi-user.target.wants/mandate.target`)).toBe('/etc/systemd/system/mandate.target');

    const second = await install();
    expect([second.exit, second.out]).toEqual([0, 'installed already: nothing to do\n']);
    expect(everything(root)).toEqual(installed);

    // What it did since: state of its own.
    mkdirSync(`${root}/var/lib/mandate/server`, { recursive: true });
    writeFileSync(`${root}/var/lib/mandate/server/key`, 'secret');
    expect((await uninstall('-y')).exit).toBe(0);
    expect(readFileSync(`${root}/var/lib/mandate/server/key`, 'utf8')).toBe('secret');
    expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toContain('mandate-db');
    expect((await uninstall('-y')).out).toBe('nothing is installed\n');

    // Accounts that were there before are not ours, so the second removal leaves them.
    await install();
    expect((await uninstall('--purge', '-y')).exit).toBe(0);
    expect(readdirSync(`${root}/var/lib`)).toEqual([]);
    expect(readFileSync(`${root}/etc/passwd`, 'utf8')).toContain('mandate-db');
  });

  test('--purge takes state and accounts, and leaves it byte for byte as it was', async () => {
    mkdirSync(`${root}/var/lib`, { recursive: true });
    const before = everything(root);
    await install();
    mkdirSync(`${root}/var/lib/mandate/server`, { recursive: true });
    writeFileSync(`${root}/var/lib/mandate/server/key`, 'secret');
    expect((await uninstall('--purge', '-y')).exit).toBe(0);
    expect(everything(root)).toEqual(before);
  });

  test('without state in between everything is as before, accounts included', async () => {
    const before = everything(root);
    await install();
    expect((await uninstall('-y')).exit).toBe(0);
    expect(everything(root)).toEqual(before);
  });

  test('--dry-run says every file whole and changes nothing', async () => {
    const before = everything(root);
    const { exit, out } = await install('--dry-run');
    expect(exit).toBe(0);
    expect(everything(root)).toEqual(before);
    await install();
    for (const name of ['etc/tmpfiles.d/mandate.conf', NODE_UNIT]) expect(out).toContain(readFileSync(path.join(root, name), 'utf8'));
    const removal = await uninstall('--dry-run', '--purge');
    expect([removal.exit, removal.out]).toEqual([0, expect.stringContaining(`/${NODE_UNIT}`)]);
    expect((await install()).out).toContain('nothing to do');
  });

  test('an edited unit is neither written over nor removed', async () => {
    await install();
    put(`root/${NODE_UNIT}`, '[Service]\nExecStart=/bin/true\n', 0o644);
    const again = await install('-o', 'json');
    expect([again.exit, JSON.parse(again.out)]).toMatchObject([1, { error: { code: 'E_INSTALL', saw: `/${NODE_UNIT}` } }]);
    const removal = await uninstall('-y', '-o', 'json');
    expect([removal.exit, JSON.parse(removal.out)]).toMatchObject([1, { removed: true, kept: [`/${NODE_UNIT}`] }]);
    expect(readFileSync(path.join(root, NODE_UNIT), 'utf8')).toContain('/bin/true');
    // Removed by hand, the rest goes as well.
    rmSync(path.join(root, NODE_UNIT));
    expect((await uninstall('-y')).exit).toBe(0);
    expect(readdirSync(`${root}/etc`).sort()).toEqual(['group', 'passwd', 'shadow', 'systemd']);
  });

  test('what fails on the way is the only document', async () => {
    const taken = Array.from({ length: 1000 }, (_, uid) => `u${uid}:x:${uid}:${uid}::/:/bin/sh\n`).join('');
    put('root/etc/passwd', taken, 0o644);
    const { exit, out } = await install('-o', 'json');
    expect([exit, JSON.parse(out)]).toMatchObject([1, { error: { saw: 'no free number for the account mandate' } }]);
  });

  test('a link on the way is not followed out of the tree', async () => {
    symlinkSync(program, `${root}/etc/tmpfiles.d`);
    const { exit, out } = await install('-o', 'json');
    expect([exit, JSON.parse(out)]).toMatchObject([1, { error: { code: 'E_INSTALL', saw: `${root}/etc/tmpfiles.d is a link` } }]);
    expect(readdirSync(program)).toEqual(['dist', 'package.json']);
  });

  test.each<[string, () => void]>([
    ['a file that others may write to', () => chmodSync(`${program}/dist/main.js`, 0o666)],
    ['a folder that a group may write to', () => chmodSync(`${program}/dist`, 0o775)],
    ['a file of somebody', () => chownSync(`${program}/dist/main.js`, 12_345, 0)],
    ['a folder of somebody', () => chownSync(program, 12_345, 0)],
    ['a file that the accounts cannot read', () => chmodSync(`${program}/dist/main.js`, 0o600)],
    [
      'a link to what somebody may change',
      () => {
        mkdirSync(`${scratch}/theirs`, { mode: 0o755 });
        writeFileSync(`${scratch}/theirs/index.js`, '');
        chownSync(`${scratch}/theirs/index.js`, 12_345, 12_345);
        symlinkSync(`${scratch}/theirs`, `${program}/node_modules`);
      },
    ],
  ])('a program with %s is refused', async (_what, spoil) => {
    const before = everything(root);
    spoil();
    const { exit, out } = await install('-o', 'json');
    expect([exit, JSON.parse(out)]).toMatchObject([1, { error: { code: 'E_INSTALL', saw: expect.stringContaining(scratch) } }]);
    expect(everything(root)).toEqual(before);
  });
});

test('an ordinary user installs nothing, and removes nothing', async () => {
  for (const command of ['install', 'uninstall']) {
    const { exit, out } = await as(1000, command, '--root', root, '-o', 'json');
    expect([exit, JSON.parse(out)]).toMatchObject([4, { error: { code: 'E_NOT_ADMIN' } }]);
  }
});

test('a state folder cannot be chosen, and a tree has to be there', async () => {
  expect((await as(0, 'install', '--state', '/srv')).exit).toBe(2);
  expect((await as(0, 'install', '--root', `${scratch}/none`)).exit).toBe(7);
});
