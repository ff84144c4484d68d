import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import type { KeyName } from '../../src/authority/key-home';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { KeyFiles } from '../../src/authority/key-files';
import { KeyFolder } from '../../src/authority/key-store';
import type { MandateError } from '../../src/domain/errors';

const NAME: KeyName = { kind: 'x509', keyId: '0123456789abcdef0123456789abcdef01234567' };
const { key } = generateAuthorityKey();
const root = process.geteuid?.() === 0;

let base: string;
let folder: string;
let file: string;
let home: KeyFolder;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'mandate-keys-'));
  folder = join(base, 'server', 'keys');
  file = join(folder, `x509-${NAME.keyId}.pem`);
  home = new KeyFolder(new KeyFiles(folder));
  await home.save(NAME, key);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const refusal = async (): Promise<MandateError> =>
  home.load(NAME).then(
    () => {
      throw new Error('it was loaded');
    },
    (error: MandateError) => error,
  );

it('keeps a key in a 0600 file of a 0700 folder, in PKCS#8, and nothing beside it', async () => {
  expect(statSync(folder).mode & 0o7777).toBe(0o700);
  expect(statSync(file).mode & 0o7777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(readdirSync(folder)).toEqual([`x509-${NAME.keyId}.pem`]);
  expect((await home.load(NAME)).equals(key)).toBe(true);
});

it('does not depend on the umask', async () => {
  const before = process.umask(0o777);
  try {
    await home.save({ ...NAME, kind: 'jwt' }, key);
  } finally {
    process.umask(before);
  }
  expect(statSync(join(folder, `jwt-${NAME.keyId}.pem`)).mode & 0o7777).toBe(0o600);
});

it('writes over what a crash left behind, and lists only whole keys', async () => {
  writeFileSync(`${file}.new`, 'half a key');
  writeFileSync(join(folder, 'notes.txt'), '');
  expect(await home.list()).toEqual([NAME]);
  await home.save(NAME, key);
  expect(readdirSync(folder)).toEqual(['notes.txt', `x509-${NAME.keyId}.pem`]);
});

it('removes a key, and one that is gone without an error', async () => {
  await home.remove(NAME);
  expect(await home.list()).toEqual([]);
  await home.remove(NAME);
  expect((await refusal()).explanation).toMatchObject({ saw: file, why: 'it is missing' });
});

it('lists nothing where there is no folder yet', async () => {
  expect(await new KeyFolder(new KeyFiles(join(base, 'none'))).list()).toEqual([]);
});

it('takes no name that would leave the folder', async () => {
  await expect(home.load({ kind: 'x509', keyId: '../../../../etc/passwd' })).rejects.toMatchObject({ code: 'E_INTERNAL' });
});

it('refuses the file cut at every length, and with anything appended', async () => {
  const whole = readFileSync(file);
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length));
    expect((await refusal()).code).toBe('E_KEY_FILE');
  }
  for (const tail of ['\n', whole]) {
    writeFileSync(file, Buffer.concat([whole, Buffer.from(tail)]));
    expect((await refusal()).code).toBe('E_KEY_FILE');
  }
  writeFileSync(file, whole);
  await home.load(NAME);
});

it('refuses every file with one bit of a byte changed', async () => {
  const whole = readFileSync(file);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1 << (at % 7);
    writeFileSync(file, changed);
    expect((await refusal()).code).toBe('E_KEY_FILE');
  }
});

it.each<[string, () => Buffer | string]>([
  ['another curve', () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export({ format: 'pem', type: 'pkcs8' })],
  ['another encoding', () => key.export({ format: 'pem', type: 'sec1' })],
  ['an encrypted key', () => key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })],
  ['a large file', () => Buffer.alloc(1 << 20, 0x41)],
  ['nothing', () => ''],
])('refuses %s', async (_, contents) => {
  writeFileSync(file, contents());
  expect((await refusal()).code).toBe('E_KEY_FILE');
});

it.each([0o640, 0o604, 0o620, 0o602, 0o660, 0o644, 0o700 | 0o010])('refuses mode %o, and names the command that mends it', async (mode) => {
  chmodSync(file, mode);
  expect((await refusal()).explanation).toMatchObject({ saw: file, fix: `chmod 600 ${file}` });
  execFileSync('chmod', ['600', file]);
  await home.load(NAME);
});

it.each([0o750, 0o701, 0o770, 0o777])('refuses a folder of mode %o', async (mode) => {
  chmodSync(folder, mode);
  expect((await refusal()).explanation).toMatchObject({ saw: folder, fix: `chmod 700 ${folder}` });
  await expect(home.save(NAME, key)).rejects.toMatchObject({ code: 'E_KEY_FILE' });
});

it('refuses a parent that everyone can change, but not a sticky one', async () => {
  chmodSync(base, 0o777);
  expect((await refusal()).explanation).toMatchObject({ saw: folder, fix: `chmod o-w ${base}` });
  chmodSync(base, 0o1777);
  await home.load(NAME);
});

it('follows no link, neither for the file nor for the folder', async () => {
  renameSync(file, join(base, 'elsewhere.pem'));
  symlinkSync(join(base, 'elsewhere.pem'), file);
  expect((await refusal()).explanation.why).toBe('it is a symbolic link');
  rmSync(file);
  renameSync(join(base, 'elsewhere.pem'), file);
  renameSync(folder, join(base, 'moved'));
  symlinkSync(join(base, 'moved'), folder);
  expect((await refusal()).explanation.why).toBe('it is not a folder, or a link to one');
});

it('refuses a second name of the file, a folder and a pipe in its place, without waiting', async () => {
  linkSync(file, join(base, 'second.pem'));
  expect((await refusal()).explanation.why).toBe('it has 2 names');
  rmSync(file);
  mkdirSync(file);
  expect((await refusal()).explanation.why).toBe('it is not a regular file');
  rmSync(file, { recursive: true });
  execFileSync('mkfifo', ['-m', '600', file]);
  expect((await refusal()).explanation.why).toBe('it is not a regular file');
});

it('never puts what it read into an error', async () => {
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, whole.slice(0, -5));
  const error = await refusal();
  const told = JSON.stringify({ ...error.explanation, message: error.message, cause: String(error.cause) }) + String(error.stack);
  for (const line of whole.split('\n').slice(1, 3)) expect(told).not.toContain(line.slice(0, 20));
});

(root ? it : it.skip)(`refuses a file of another user${root ? '' : ' (skipped: only root can give files away)'}`, async () => {
  chownSync(file, 12345, 12345);
  expect((await refusal()).explanation).toMatchObject({ saw: file, why: 'it belongs to uid 12345, not to 0', fix: `chown 0 ${file}` });
});
