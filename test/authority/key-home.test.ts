import { verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyFiles } from '../../src/authority/key-files';
import type { KeyHome, NamedKey } from '../../src/authority/key-home';
import { LocalKeys } from '../../src/authority/local-keys';
import { openKeyHome } from '../../src/authority/open-key-home';
import { openRemoteKeys } from '../../src/authority/open-remote-keys';
import type { AuthorityKind } from '../../src/domain/authority-row';
import type { WantedKeyHome } from '../../src/domain/key-seal';
import { systemClock } from '../../src/system/clock';
import { systemRandom } from '../../src/system/random';
import { TestSigner } from '../signer/signer';
import { silentLog } from '../silent-log';
import { MemoryKeys } from './memory-keys';

/** What holds for every home of keys, wherever it is. */

let folder: string;
let signer: TestSigner | undefined;

const resting = (wanted: WantedKeyHome) => async (): Promise<KeyHome> => {
  const secrets = wanted === 'plain' ? [] : [Buffer.from('correct horse battery')];
  const files = new KeyFiles(join(folder, 'keys'));
  return new LocalKeys((await openKeyHome({ files, wanted, secrets, random: systemRandom, log: silentLog })).keys);
};

async function remote(): Promise<KeyHome> {
  signer ??= await new TestSigner(folder).start();
  return openRemoteKeys({
    files: new KeyFiles(join(folder, 'keys')),
    remote: { address: `unix:${signer.socket}`, tokenFile: signer.tokenFile, ca: null, certificate: null, key: null },
    installationId: '0190a0b0-0000-7000-8000-000000000001',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
}

describe.each<[string, () => Promise<KeyHome>, boolean]>([
  ['memory', async () => new LocalKeys(new MemoryKeys()), false],
  ['plain files', resting('plain'), true],
  ['files under a passphrase', resting('sealed'), true],
  ['files under a credential', resting('credential'), true],
  ['a remote signer', remote, true],
])('%s', (_what, open, lasting) => {
  let home: KeyHome;
  // Opened once: a passphrase costs a third of a second each time.
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mandate-home-'));
    home = await open();
  });
  afterEach(async () => {
    for (const name of await home.list()) await home.remove(name);
  });
  afterAll(async () => {
    await signer?.stop();
    signer = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const DATA = Buffer.from('what is to be signed');
  const signs = async ({ name, key: { publicKey } }: NamedKey, at = home): Promise<boolean> =>
    verify('sha256', DATA, publicKey, await (await at.load(name, publicKey)).sign(DATA));

  it('makes keys, names them by their public half, and hands out what signs with them', async () => {
    expect(await home.list()).toEqual([]);
    const made = await Promise.all((['x509', 'jwt', 'x509', 'jwt-rs256'] as const).map((kind: AuthorityKind) => home.create(kind)));
    expect(new Set(made.map(({ name }) => name.keyId)).size).toBe(4);
    for (const one of made) {
      expect(verify('sha256', DATA, one.key.publicKey, await one.key.sign(DATA))).toBe(true);
      expect(await signs(one)).toBe(true);
    }
    const byId = (a: { keyId: string }, b: { keyId: string }) => (a.keyId < b.keyId ? -1 : 1);
    expect([...(await home.list())].sort(byId)).toEqual(made.map(({ name }) => name).sort(byId));
    expect(made.map(({ name }) => name.keyId.length)).toEqual([40, 43, 40, 43]);
  });

  it.each(['jwt', 'jwt-rs256'] as const)('%s: reads what it signs before it lets go of it', async (kind) => {
    const { key } = await home.create(kind);
    const data = Buffer.from(DATA);
    const signature = key.sign(data);
    data.fill(0);
    expect(verify('sha256', DATA, key.publicKey, await signature)).toBe(true);
  });

  it('removes a key, and one that is not there without an error', async () => {
    const made = await home.create('x509');
    const other = await home.create('jwt');
    await home.remove(made.name);
    await home.remove(made.name);
    expect(await home.list()).toEqual([other.name]);
    await expect(home.load(made.name, made.key.publicKey)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_(KEY_FILE|SIGNER_KEY)$/),
    });
    expect(await signs(other)).toBe(true);
  });

  (lasting ? it : it.skip)('finds them again after a restart', async () => {
    const made = await home.create('x509');
    const again = await open();
    expect(await signs(made, again)).toBe(true);
    expect(await again.list()).toEqual([made.name]);
    expect(again.description).toBe(home.description);
  });
});
