import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configurationDigest } from '../../src/domain/manifest';
import { manifestKeyId, manifestKeyText, readManifestKey } from '../../src/verify/manifest-key';
import { ALICE, HASH_A, HASH_B, signed } from '../verify/manifest-samples';
import { mandate } from './command-line';
import { FakeService } from './fake-service';
import { MANIFEST_ACCEPTED, MANIFEST_SHOWN } from './samples';

let cwd: string;
let service: FakeService;
beforeAll(async () => {
  service = await FakeService.start();
  cwd = mkdtempSync(path.join(tmpdir(), 'm-'));
  write('key.pem', ALICE.secret.export({ format: 'pem', type: 'pkcs8' }));
  write('key.pub', manifestKeyText(ALICE.key));
  const other = generateKeyPairSync('ed25519');
  write('other.pem', other.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  write('other.pub', other.publicKey.export({ format: 'pem', type: 'spki' }));
  write('rsa.pem', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' }));
  write('program', 'bytes');
});
afterAll(() => {
  service.stop();
  rmSync(cwd, { recursive: true });
});
beforeEach(() => {
  service.answers = {};
  service.asked.length = 0;
});

const write = (name: string, text: string | Buffer): void => writeFileSync(path.join(cwd, name), text);
const run = (...argv: string[]) => mandate(['manifest', ...argv], { cwd, socket: service.socket });
const verified = async (name: string, key = 'key.pub') => JSON.parse((await run('verify', name, '--key', key, '-o', 'json')).out);
/** printf bytes | sha256sum */
const PROGRAM = '277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9';

describe('sign', () => {
  test('lists files and hashes, counts on from the one before, and asks nobody', async () => {
    const first = await run(
      'sign',
      '--name',
      'claude-code',
      '--release',
      '1.0=program',
      '--release',
      `0.9=sha256:${HASH_A}`,
      '--key',
      'key.pem',
    );
    expect([first.exit, first.err]).toEqual([0, expect.stringContaining('manifest claude-code v1: 2 releases, signed by ed25519:')]);
    write('v1.json', first.out);
    expect(await verified('v1.json')).toMatchObject({
      version: 1,
      entries: [
        { name: '0.9', sha256: HASH_A },
        { name: '1.0', sha256: PROGRAM },
      ],
    });

    const second = await run('sign', '--from', 'v1.json', '--drop', '0.9', '--release', `1.1=sha256:${HASH_B}`, '--key', 'key.pem', '-q');
    expect(second.err).toBe('');
    write('v2.json', second.out);
    expect(await verified('v2.json')).toMatchObject({
      version: 2,
      entries: [
        { name: '1.0', sha256: PROGRAM },
        { name: '1.1', sha256: HASH_B },
      ],
    });
    expect(service.asked).toEqual([]);
  });

  test('the same is signed to the same bytes', async () => {
    const argv = ['sign', '--name', 'a', '--release', '1=program', '--key', 'key.pem'];
    expect((await run(...argv)).out).toBe((await run(...argv)).out);
  });

  test('governed files: by the path as written, from where it lies', async () => {
    write('config.json', (await run('sign', '--name', 'c', '--file', '/etc/x.json=program', '--number', '7', '--key', 'key.pem')).out);
    // printf '%s  /etc/x.json\n' PROGRAM | sha256sum
    const digest = '8c4a3632f0888abf208e9d15587e12b8c894b1c1eb1c6e035f405bd155765a54';
    const answer = await verified('config.json');
    expect(answer).toMatchObject({ kind: 'configuration', version: 7, entries: [{ name: '/etc/x.json', sha256: PROGRAM }] });
    expect(answer.configurationSha256).toBe(digest);
  });

  test('files that govern an agent: by the names of its evidence, wherever they lie', async () => {
    const argv = ['--name', 'c', '--agent', 'claude-code', '--file', './CLAUDE.md=program', '--file', `~/.claude.json=sha256:${HASH_A}`];
    write('governed.json', (await run('sign', ...argv, '--key', 'key.pem')).out);
    const answer = await verified('governed.json');
    const files = [
      { name: './CLAUDE.md', sha256: PROGRAM },
      { name: '~/.claude.json', sha256: HASH_A },
    ];
    expect(answer).toMatchObject({ kind: 'configuration', entries: files, configurationSha256: configurationDigest(files, 'claude-code') });
    write('later.json', (await run('sign', '--from', 'governed.json', '--drop', '~/.claude.json', '--key', 'key.pem')).out);
    expect((await verified('later.json')).configurationSha256).toBe(configurationDigest([files[0]!], 'claude-code'));
  });

  test('an end, and keys to hand over to, which sign as well', async () => {
    const argv = ['--expires', '2099-01-31T00:00:00Z', '--hand-over', 'other.pub', '--key', 'key.pem'];
    write('handing.json', (await run('sign', '--from', 'v1.json', ...argv)).out);
    write('handing.json', (await run('sign', 'handing.json', '--key', 'other.pem')).out);
    const id = manifestKeyId(readManifestKey(readFileSync(path.join(cwd, 'other.pub'), 'utf8')));
    for (const key of ['key.pub', 'other.pub'])
      expect(await verified('handing.json', key)).toMatchObject({ version: 2, expires: '2099-01-31T00:00:00.000Z', keys: [id] });
    write('next.json', (await run('sign', '--from', 'handing.json', '--key', 'other.pem')).out);
    expect(await verified('next.json', 'other.pub')).toMatchObject({ version: 3, expires: null, keys: [] });
  });

  test('verify refuses what has expired', async () => {
    write('old.json', signed({ expiresAtMs: 1000 }));
    expect(await run('verify', 'old.json', '--key', 'key.pub')).toMatchObject({
      exit: 6,
      out: '',
      err: expect.stringContaining('E_MANIFEST_EXPIRED'),
    });
  });

  test('what is counted on from must be signed by a key that counts', async () => {
    write('foreign.json', (await run('sign', '--name', 'a', '--release', '1=program', '--key', 'other.pem')).out);
    const argv = ['sign', '--from', 'foreign.json', '--release', '2=program', '--key', 'key.pem'];
    expect(await run(...argv)).toMatchObject({ exit: 6, out: '' });
    expect((await run(...argv, '--trusted', 'other.pub')).exit).toBe(0);
  });

  test('a second signature is added to the first', async () => {
    write('one.json', (await run('sign', '--name', 'a', '--release', '1=program', '--key', 'key.pem')).out);
    write('two.json', (await run('sign', 'one.json', '--key', 'other.pem')).out);
    expect(JSON.parse(readFileSync(path.join(cwd, 'two.json'), 'utf8')).signatures).toHaveLength(2);
    for (const key of ['key.pub', 'other.pub']) expect(await verified('two.json', key)).toMatchObject({ name: 'a' });
    expect((await run('sign', 'two.json', '--key', 'other.pem')).out).toBe(readFileSync(path.join(cwd, 'two.json'), 'utf8'));
  });

  test.each<[string, number, string[]]>([
    ['no way to sign', 2, ['--name', 'a', '--release', '1=program']],
    ['two ways to sign', 2, ['--name', 'a', '--release', '1=program', '--key', 'key.pem', '--to-sign', 'x']],
    ['no name', 2, ['--release', '1=program', '--key', 'key.pem']],
    ['a name in capitals', 2, ['--name', 'A', '--release', '1=program', '--key', 'key.pem']],
    ['nothing to list', 2, ['--name', 'a', '--key', 'key.pem']],
    ['a release without a file', 2, ['--name', 'a', '--release', 'program', '--key', 'key.pem']],
    ['a label with a blank', 2, ['--name', 'a', '--release', '1 0=program', '--key', 'key.pem']],
    ['releases and files', 2, ['--name', 'a', '--release', '1=program', '--file', 'program', '--key', 'key.pem']],
    ['a file that is not there', 7, ['--name', 'a', '--release', '1=nothing', '--key', 'key.pem']],
    ['a folder', 7, ['--name', 'a', '--release', '1=/', '--key', 'key.pem']],
    ['an RSA key', 1, ['--name', 'a', '--release', '1=program', '--key', 'rsa.pem']],
    ['a public key', 1, ['--name', 'a', '--release', '1=program', '--key', 'key.pub']],
    ['dropping what is not there', 2, ['--from', 'v1.json', '--drop', '9', '--key', 'key.pem']],
    ['an agent nobody knows', 2, ['--name', 'a', '--agent', 'hal', '--file', './CLAUDE.md=program', '--key', 'key.pem']],
    ['releases of an agent', 2, ['--name', 'a', '--agent', 'codex', '--release', '1=program', '--key', 'key.pem']],
    ['a file that does not govern it', 2, ['--name', 'a', '--agent', 'codex', '--file', './CLAUDE.md=program', '--key', 'key.pem']],
    [
      'all of a file of which parts count',
      2,
      ['--name', 'a', '--agent', 'claude-code', '--file', '~/.claude.json=program', '--key', 'key.pem'],
    ],
    ['an end that is over', 2, ['--name', 'a', '--release', '1=program', '--expires', '2020-01-01T00:00:00Z', '--key', 'key.pem']],
    ['an end that is none', 2, ['--name', 'a', '--release', '1=program', '--expires', 'soon', '--key', 'key.pem']],
    ['version 0', 2, ['--name', 'a', '--release', '1=program', '--number', '0', '--key', 'key.pem']],
    ['another list beside a manifest', 2, ['v1.json', '--name', 'b', '--key', 'key.pem']],
    ['a signature without a manifest', 2, ['--name', 'a', '--release', '1=program', '--signature', 'key.pub']],
    ['a signature that is none', 1, ['v1.json', '--signature', 'key.pub']],
    ['a folder to write to', 2, ['--name', 'a', '--release', '1=program', '--to-sign', '/']],
  ])('%s', async (_name, exit, argv) => {
    expect(await run('sign', ...argv)).toMatchObject({ exit, out: '' });
  });
});

describe('with the service', () => {
  test('add sends the file and the text of each key, after a look at both', async () => {
    service.answers.admin = { addManifest: { ...MANIFEST_ACCEPTED, from: null } };
    const { exit, out } = await run('add', 'v1.json', '--key', 'key.pub', '--key', 'other.pub');
    expect(exit).toBe(0);
    expect(out).toContain('new       manifest claude-code v3\n  signed by  ed25519:');
    expect(out).toContain('default identity changed for\n  pid 41207 hello-7k2m: ');
    const text = (name: string) => readFileSync(path.join(cwd, name), 'utf8');
    expect(service.asked).toEqual([
      { verb: 'addManifest', request: { envelope: text('v1.json'), keys: [text('key.pub'), text('other.pub')] } },
    ]);
    expect((await run('add', 'v1.json')).exit).toBe(2);
    expect(await run('add', 'v1.json', '--key', 'key.pem')).toMatchObject({ exit: 1, err: expect.stringContaining('private key') });
    expect(service.asked).toHaveLength(1);
  });

  test('update names the manifest that the file says it is', async () => {
    service.answers.admin = { updateManifest: MANIFEST_ACCEPTED };
    expect((await run('update', 'v2.json')).out).toContain('changed   manifest claude-code v2 → v3\n');
    expect(service.asked[0]).toMatchObject({ verb: 'updateManifest', request: { name: 'claude-code' } });
    service.answers.admin = { updateManifest: { ...MANIFEST_ACCEPTED, from: 3, changed: false, affected: [] } };
    expect((await run('update', 'v2.json')).out).toContain('unchanged manifest claude-code v3\n');
    const text = readFileSync(path.join(cwd, 'other.pub'), 'utf8');
    service.answers.admin = { updateManifest: { ...MANIFEST_ACCEPTED, keysChanged: true } };
    expect((await run('update', 'v2.json', '--key', 'other.pub')).out).toContain(
      '  expires    2027-01-31T00:00:00.000Z\n  trusts     ed25519:',
    );
    expect(service.asked[2]!.request).toMatchObject({ name: 'claude-code', keys: [text] });
  });

  test('verify without keys asks for those of the manifest, and still verifies itself', async () => {
    write('mine.json', signed({ version: 2 }));
    const text = manifestKeyText(ALICE.key);
    service.answers.admin = { showManifest: { ...MANIFEST_SHOWN, keys: [{ id: 'x', form: 'ed25519', text }] } };
    expect((await run('verify', 'mine.json')).out).toContain('  in force   v3\n');
    service.answers.admin = {
      showManifest: { ...MANIFEST_SHOWN, keys: [{ id: 'x', form: 'ed25519', text: readFileSync(path.join(cwd, 'other.pub'), 'utf8') }] },
    };
    expect(await run('verify', 'mine.json')).toMatchObject({ exit: 6, out: '' });
  });
});
