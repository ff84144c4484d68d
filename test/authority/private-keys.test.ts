import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyFiles } from '../../src/authority/key-files';
import type { KeyName } from '../../src/authority/key-home';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { openKeyHome } from '../../src/authority/open-key-home';
import type { PrivateKeys } from '../../src/authority/private-keys';
import { generateRsaKey } from '../../src/authority/rsa-key';
import type { WantedKeyHome } from '../../src/domain/key-seal';
import { systemRandom } from '../../src/system/random';
import { silentLog } from '../silent-log';
import { MemoryKeys } from './memory-keys';

/** What holds wherever private keys rest, whatever protects them. */

const SECRET = 'correct horse battery';
const X509: KeyName = { kind: 'x509', keyId: '0123456789abcdef0123456789abcdef01234567' };
const JWT: KeyName = { kind: 'jwt', keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' };
const { key } = generateAuthorityKey();
const another = generateAuthorityKey().key;
const RS256: KeyName = { kind: 'jwt-rs256', keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' };
let rsa: KeyObject;
beforeAll(async () => {
  rsa = await generateRsaKey();
}, 60_000);

const opened =
  (wanted: WantedKeyHome) =>
  async (folder: string): Promise<PrivateKeys> => {
    const secrets = wanted === 'plain' ? [] : [Buffer.from(SECRET)];
    return (await openKeyHome({ files: new KeyFiles(folder), wanted, secrets, random: systemRandom, log: silentLog })).keys;
  };

describe.each<[string, (folder: string) => Promise<PrivateKeys>, boolean]>([
  ['memory', async () => new MemoryKeys(), false],
  ['plain files', opened('plain'), true],
  ['files under a passphrase', opened('sealed'), true],
  ['files under a credential', opened('credential'), true],
])('%s', (_what, open, lasting) => {
  let folder: string;
  let home: PrivateKeys;
  // Opened once: a passphrase costs a third of a second each time.
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mandate-home-'));
    home = await open(join(folder, 'keys'));
  });
  afterEach(async () => {
    for (const name of await home.list()) await home.remove(name);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps keys by kind and id, lists them, and replaces one that is saved again', async () => {
    expect(await home.list()).toEqual([]);
    await home.save(X509, key);
    await home.save(JWT, another);
    await home.save({ ...X509, kind: 'jwt' }, another);
    expect((await home.load(X509)).equals(key)).toBe(true);
    expect((await home.load(JWT)).equals(another)).toBe(true);
    expect((await home.load({ ...X509, kind: 'jwt' })).equals(another)).toBe(true);
    expect(await home.list()).toHaveLength(3);
    await home.save(X509, another);
    expect((await home.load(X509)).equals(another)).toBe(true);
    expect(await home.list()).toHaveLength(3);
  });

  it('keeps an RS256 key apart from an ES256 key of the same id, and from one whose id begins with rs256-', async () => {
    const alike: KeyName = { kind: 'jwt', keyId: `rs256-${'a'.repeat(37)}` };
    await home.save(RS256, rsa);
    await home.save(JWT, key);
    await home.save(alike, another);
    expect((await home.load(RS256)).equals(rsa)).toBe(true);
    expect((await home.load(JWT)).equals(key)).toBe(true);
    expect((await home.load(alike)).equals(another)).toBe(true);
    expect([...(await home.list())].map(({ kind, keyId }) => `${kind} ${keyId}`).sort()).toEqual(
      [RS256, JWT, alike].map(({ kind, keyId }) => `${kind} ${keyId}`).sort(),
    );
    await home.remove(RS256);
    expect((await home.load(JWT)).equals(key)).toBe(true);
  });

  (lasting ? it : it.skip)('does not hand out a key of another kind than its name says', async () => {
    await home.save(RS256, key);
    await expect(home.load(RS256)).rejects.toMatchObject({ code: 'E_KEY_FILE' });
    await home.save(JWT, rsa);
    await expect(home.load(JWT)).rejects.toMatchObject({ code: 'E_KEY_FILE' });
  });

  it('removes a key, and one that is not there without an error', async () => {
    await home.save(X509, key);
    await home.remove(X509);
    await home.remove(X509);
    expect(await home.list()).toEqual([]);
    await expect(home.load(X509)).rejects.toMatchObject({ code: 'E_KEY_FILE' });
  });

  it.each(['../../../../../etc/passwd', '', 'a'.repeat(65), 'abcdefghijklmnop\0', 'abcdefghijklmno.'])(
    'takes no name that would leave the home: %j',
    async (keyId) => {
      await expect((async () => home.save({ kind: 'x509', keyId }, key))()).rejects.toMatchObject({ code: 'E_INTERNAL' });
      await expect((async () => home.load({ kind: 'x509', keyId }))()).rejects.toMatchObject({ code: 'E_INTERNAL' });
    },
  );

  it('carries out what is asked at once in an order', async () => {
    await Promise.all([home.save(X509, key), home.save(JWT, another), home.remove(JWT), home.save(X509, another)]);
    expect((await home.load(X509)).equals(another)).toBe(true);
  });

  (lasting ? it : it.skip)('finds them again after a restart', async () => {
    await home.save(X509, key);
    const again = await open(join(folder, 'keys'));
    expect((await again.load(X509)).equals(key)).toBe(true);
    expect(again.description).toBe(home.description);
  });
});
