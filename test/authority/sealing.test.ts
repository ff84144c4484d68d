import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyFiles } from '../../src/authority/key-files';
import type { KeyName } from '../../src/authority/key-home';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { openKeyHome, type OpenedKeyHome } from '../../src/authority/open-key-home';
import { SEAL_FILE, sealText, type WantedKeyHome } from '../../src/domain/key-seal';
import { systemRandom } from '../../src/system/random';
import { silentLog } from '../silent-log';
import { DEATHS, DyingFiles } from './dying-files';

jest.setTimeout(120_000);

const OLD = 'an old passphrase';
const NEW = 'a new passphrase';
const KEYS: readonly (readonly [KeyName, ReturnType<typeof generateAuthorityKey>['key']])[] = [
  [{ kind: 'x509', keyId: '0123456789abcdef0123456789abcdef01234567' }, generateAuthorityKey().key],
  [{ kind: 'jwt', keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' }, generateAuthorityKey().key],
];

/** Key folders as they are left by a server: plain, and sealed by `OLD`. */
let base: string;
let folder: string;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'mandate-sealing-'));
  folder = join(base, 'keys');
  for (const wanted of ['plain', 'sealed'] as const) {
    const { keys } = await open(wanted, [OLD], new KeyFiles(join(base, wanted)));
    for (const [name, key] of KEYS) await keys.save(name, key);
  }
});
afterAll(() => rmSync(base, { recursive: true, force: true }));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const begin = (kind: 'plain' | 'sealed'): void => cpSync(join(base, kind), folder, { recursive: true });

const open = (wanted: WantedKeyHome, secrets: readonly string[], files = new KeyFiles(folder)): Promise<OpenedKeyHome> =>
  openKeyHome({ files, wanted, secrets: secrets.map((text) => Buffer.from(text)), random: systemRandom, log: silentLog });

const files = (): string[] => readdirSync(folder).sort();
const sealedFile = (kind: string): string =>
  join(
    folder,
    files().find((name) => name.startsWith(kind) && name.endsWith('.sealed'))!,
  );
const sealIn = (where: string): { readonly id: string } => JSON.parse(readFileSync(join(where, SEAL_FILE), 'utf8'));

async function expectAllKeys({ keys }: OpenedKeyHome): Promise<void> {
  for (const [name, key] of KEYS) expect((await keys.load(name)).equals(key)).toBe(true);
}

describe('seal and reseal', () => {
  test('plain keys end under a passphrase; nothing plain is left, nothing of the secret is in a file', async () => {
    begin('plain');
    const { keys, fits } = await open('found', []);
    expect([keys.home, fits]).toEqual(['plain', undefined]);
    const scalars = KEYS.map(([, key]) => Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url'));
    expect(await keys.seal(Buffer.from(NEW), 'passphrase')).toEqual({ home: 'sealed', keys: 2, left: 0 });
    expect([keys.home, keys.description]).toEqual(['sealed', 'keys under a passphrase']);
    const { id } = sealIn(folder);
    expect(files()).toEqual([`jwt-${KEYS[1]![0].keyId}.${id}.sealed`, SEAL_FILE, `x509-${KEYS[0]![0].keyId}.${id}.sealed`].sort());
    for (const file of files()) {
      const bytes = readFileSync(join(folder, file));
      for (const secret of [...scalars, Buffer.from(NEW)]) expect(bytes.includes(secret)).toBe(false);
    }
    await expectAllKeys(await open('sealed', [NEW]));
    // Later keys go the same way.
    const later = { kind: 'x509', keyId: 'f'.repeat(40) } as const;
    await keys.save(later, KEYS[0]![1]);
    expect(files()).toContain(`x509-${later.keyId}.${id}.sealed`);
  });

  test('a new passphrase, then a credential: what opened before opens nothing', async () => {
    begin('sealed');
    const { keys } = await open('found', [OLD]);
    await keys.seal(Buffer.from(NEW), 'passphrase');
    await expect(open('found', [OLD])).rejects.toMatchObject({ code: 'E_KEY_PASSPHRASE' });
    await expectAllKeys(await open('found', [NEW]));
    await keys.seal(Buffer.from('a credential'), 'credential');
    expect(keys.home).toBe('credential');
    const opened = await open('credential', ['wrong credential', 'a credential']);
    expect(opened.fits).toBe(1);
    await expectAllKeys(opened);
    expect(files()).toHaveLength(3);
  });

  test('two orders at once are carried out one after the other', async () => {
    begin('plain');
    const { keys } = await open('found', []);
    await Promise.all([keys.seal(Buffer.from(OLD), 'passphrase'), keys.seal(Buffer.from(NEW), 'passphrase')]);
    await expectAllKeys(await open('found', [NEW]));
    expect(files()).toHaveLength(3);
  });

  test('a key that cannot be read stops it, and nothing is changed', async () => {
    begin('plain');
    const { keys } = await open('found', []);
    const [first] = files();
    writeFileSync(join(folder, first!), 'damaged');
    await expect(keys.seal(Buffer.from(NEW), 'passphrase')).rejects.toMatchObject({ code: 'E_KEY_FILE' });
    expect(keys.home).toBe('plain');
    expect(files()).not.toContain(SEAL_FILE);
  });

  test.each(['', 'eleven byte', 'x'.repeat(1025)])('a secret of %# is refused before anything is written', async (secret) => {
    begin('plain');
    const before = files();
    const { keys } = await open('found', []);
    await expect(keys.seal(Buffer.from(secret), 'passphrase')).rejects.toMatchObject({ code: 'E_PASSPHRASE' });
    expect(files()).toEqual(before);
  });
});

describe.each<['plain' | 'sealed', readonly string[]]>([
  ['plain', []],
  ['sealed', [OLD]],
])('a process that dies while it puts %s keys under a new seal', (from, secrets) => {
  // Two sealed files, the seal, and two files of before that go.
  // After one change is before the next.
  const cases = [0, 1, 2, 3, 4].flatMap((at) => DEATHS.flatMap((death) => (death === 'after' && at < 4 ? [] : [[death, at] as const])));

  test.each(cases)('%s change %i: all keys can be read the old or the new way, and the next start leaves one', async (death, at) => {
    begin(from);
    const dying = new DyingFiles(folder, at, death);
    const { keys } = await open('found', secrets, dying);
    await keys.seal(Buffer.from(NEW), 'passphrase').catch(() => undefined);
    expect(dying.changes).toBeGreaterThan(at);
    const committed = files().includes(SEAL_FILE) && (from === 'plain' || sealIn(folder).id !== sealIn(join(base, from)).id);
    const after = await open('found', committed ? [NEW] : secrets);
    expect(after.keys.home).toBe(committed ? 'sealed' : from);
    await expectAllKeys(after);
    expect(files()).toHaveLength(committed || from === 'sealed' ? 3 : 2);
  });
});

describe('what is not as it was sealed', () => {
  const load = async (opened: OpenedKeyHome) => opened.keys.load(KEYS[0]![0]);

  test('a file cut at any length, with a byte more, or with any byte changed', async () => {
    begin('sealed');
    const opened = await open('found', [OLD]);
    const file = sealedFile('x509');
    const whole = readFileSync(file);
    const changed = Array.from(whole, (byte, at) =>
      Buffer.concat([whole.subarray(0, at), Buffer.of(byte ^ (1 << (at % 8))), whole.subarray(at + 1)]),
    );
    const cut = Array.from(whole, (_, length) => whole.subarray(0, length));
    for (const bytes of [...changed, ...cut, Buffer.concat([whole, Buffer.of(0)]), Buffer.alloc(1 << 20)]) {
      writeFileSync(file, bytes);
      await expect(load(opened)).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: file } });
    }
    writeFileSync(file, whole);
    await load(opened);
  });

  test('the file of another key in its place', async () => {
    begin('sealed');
    writeFileSync(sealedFile('x509'), readFileSync(sealedFile('jwt')));
    await expect(load(await open('found', [OLD]))).rejects.toMatchObject({
      code: 'E_KEY_FILE',
      explanation: { why: 'it is not what was sealed under this name' },
    });
  });

  test('a file of an older seal, under its own name or that of the present one', async () => {
    begin('sealed');
    const { keys } = await open('found', [OLD]);
    const before = sealedFile('x509');
    const old = readFileSync(before);
    await keys.seal(Buffer.from(NEW), 'passphrase');
    const present = sealedFile('x509');
    writeFileSync(present, old);
    await expect(keys.load(KEYS[0]![0])).rejects.toMatchObject({ explanation: { why: 'it is not what was sealed under this name' } });
    rmSync(present);
    writeFileSync(before, old, { mode: 0o600 });
    await expect(keys.load(KEYS[0]![0])).rejects.toMatchObject({
      explanation: { saw: before, why: 'it is under another seal than the one in force' },
    });
    rmSync(before);
    writeFileSync(join(folder, `x509-${KEYS[0]![0].keyId}.pem`), KEYS[0]![1].export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    await expect(keys.load(KEYS[0]![0])).rejects.toMatchObject({ explanation: { why: 'it is not sealed' } });
  });

  test('an older seal.json put back: the present passphrase does not open it, and the old one finds no key under it', async () => {
    begin('sealed');
    const { keys } = await open('found', [OLD]);
    await keys.seal(Buffer.from(NEW), 'passphrase');
    cpSync(join(base, 'sealed', SEAL_FILE), join(folder, SEAL_FILE));
    await expect(open('found', [NEW])).rejects.toMatchObject({ code: 'E_KEY_PASSPHRASE' });
    const opened = await open('found', [OLD]);
    await expect(load(opened)).rejects.toMatchObject({ explanation: { why: 'it is under another seal than the one in force' } });
    // The only readable form of a key is never removed.
    expect(files()).toHaveLength(3);
  });

  test('a seal.json that is gone, while what it sealed is there', async () => {
    begin('sealed');
    rmSync(join(folder, SEAL_FILE));
    for (const wanted of ['found', 'plain', 'sealed'] as const) {
      await expect(open(wanted, [OLD])).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: join(folder, SEAL_FILE) } });
    }
  });

  test.each(['id', 'salt', 'check'])('seal.json with another %s is a wrong passphrase: the two cannot be told apart', async (member) => {
    begin('sealed');
    const file = join(folder, SEAL_FILE);
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text.replace(new RegExp(`("${member}":")(.)`), (_, before: string, digit: string) => before + (digit === '0' ? '1' : '0')),
    );
    await expect(open('found', [OLD])).rejects.toMatchObject({ code: 'E_KEY_PASSPHRASE' });
  });

  test('seal.json that says another source is a wrong passphrase', async () => {
    begin('sealed');
    const file = join(folder, SEAL_FILE);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"passphrase"', '"credential"'));
    await expect(open('found', [OLD])).rejects.toMatchObject({ code: 'E_KEY_PASSPHRASE' });
  });

  test('seal.json that is no seal costs no stretching', async () => {
    begin('sealed');
    const file = join(folder, SEAL_FILE);
    writeFileSync(file, `${readFileSync(file, 'utf8')} `);
    await expect(open('found', [OLD])).rejects.toMatchObject({ code: 'E_KEY_FILE', explanation: { saw: file } });
  });

  test('no secret, a wrong one, a nearly right one: nothing opens and nothing changes', async () => {
    begin('sealed');
    const before = files().map((file) => readFileSync(join(folder, file)).toString('hex'));
    await expect(open('found', [])).rejects.toMatchObject({ code: 'E_KEY_SEALED' });
    await expect(open('found', [`${OLD} `, OLD.slice(0, -1)])).rejects.toMatchObject({ code: 'E_KEY_PASSPHRASE' });
    expect(files().map((file) => readFileSync(join(folder, file)).toString('hex'))).toEqual(before);
  });
});

describe('keys.home', () => {
  test.each<[string, 'plain' | 'sealed' | undefined, WantedKeyHome, string]>([
    ['plain', 'sealed', 'plain', 'E_CONFIG'],
    ['credential', 'sealed', 'credential', 'E_CONFIG'],
    ['sealed', 'plain', 'sealed', 'E_CONFIG'],
    ['credential', 'plain', 'credential', 'E_CONFIG'],
  ])('%s, where the keys are %s, is refused: no home is changed by a start', async (_what, there, wanted, code) => {
    if (there) begin(there);
    await expect(open(wanted, [OLD])).rejects.toMatchObject({ code });
  });

  test('sealed in an empty folder makes the seal first, and needs a secret for it', async () => {
    await expect(open('sealed', [])).rejects.toMatchObject({ code: 'E_KEY_SEALED' });
    const { keys, fits } = await open('sealed', [OLD]);
    expect([keys.home, fits, files()]).toEqual(['sealed', 0, [SEAL_FILE]]);
  });
});

test('the file says what it costs to open, in a form that is read back to the last byte', () => {
  const text = readFileSync(join(base, 'sealed', SEAL_FILE), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ v: 1, by: 'passphrase', scrypt: { N: 131072, r: 8, p: 1 } });
  expect(sealText(JSON.parse(text))).toBe(text);
});
