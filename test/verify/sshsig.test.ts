import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSigningKey } from '../../src/cli/signing-key';
import { manifestKeyId, manifestKeyText, readManifestKey, verifiedBy } from '../../src/verify/manifest-key';
import { readSshsig, readSshsigArmour } from '../../src/verify/sshsig';
import { hasProgram } from '../running/installation';
import { ALICE } from './manifest-samples';

/** Made by ssh-keygen of OpenSSH 9.2: ssh-keygen -Y sign -n mandate-manifest, and once more with -n git. */
const PUBLIC = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICPvaxiPkNJQ/NFt8ou6XieYrPoR9LmBQkFP2GpElAPu ana@example\n';
const FINGERPRINT = 'SHA256:PjLrlZISSBbBh0jwJ0/t8znYGav532eDSHZMO/k62ec';
const MESSAGE = Buffer.from('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
const SIGNATURE = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgI+9rGI+Q0lD80W3yi7peJ5is+h
H0uYFCQU/YakSUA+4AAAAQbWFuZGF0ZS1tYW5pZmVzdAAAAAAAAAAGc2hhNTEyAAAAUwAA
AAtzc2gtZWQyNTUxOQAAAEAH4kOHIg6Pes3vn8ZtLm81DPXyU2JDleqX5w2BvvW48jzMkm
kctH6xjyJpQloPzOklQAXEd7A+HgMK5rMM/x8I
-----END SSH SIGNATURE-----
`;
const FOR_GIT = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgI+9rGI+Q0lD80W3yi7peJ5is+h
H0uYFCQU/YakSUA+4AAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5
AAAAQLcSD4KU7HDoJ4dYbgpGUueteD96JYpOe6NfxLOFVOuyh9ONZpJqhn9wo4HNX2vM4L
+A1RMaeTPM6aT+uIZ1GQw=
-----END SSH SIGNATURE-----
`;

const key = readManifestKey(PUBLIC);
const bytes = readSshsigArmour(SIGNATURE);

test('a signature of ssh-keygen verifies, by its own key and message alone', () => {
  expect(verifiedBy(key, MESSAGE, bytes)).toBe(true);
  expect(verifiedBy(key, Buffer.from(`${MESSAGE.toString()}.`), bytes)).toBe(false);
  expect(verifiedBy({ form: 'ssh-ed25519', bytes: ALICE.key.bytes }, MESSAGE, bytes)).toBe(false);
});

test('its key is called as ssh-keygen -l calls it', () => {
  expect(manifestKeyId(key)).toBe(FINGERPRINT);
  expect(manifestKeyText(key)).toBe(PUBLIC.replace(' ana@example', ''));
});

test('the same key given as PEM does not count for an SSH signature, nor the other way round', () => {
  expect(verifiedBy({ form: 'ed25519', bytes: key.bytes }, MESSAGE, bytes)).toBe(false);
  expect(verifiedBy(key, MESSAGE, readSshsig(bytes).signature)).toBe(false);
});

test('a signature made for git is none for manifests', () => {
  const forGit = readSshsigArmour(FOR_GIT);
  expect(() => readSshsig(forGit)).toThrow(RangeError);
  expect(verifiedBy(key, MESSAGE, forGit)).toBe(false);
});

describe('hostile signatures', () => {
  test('cut anywhere, or with something behind', () => {
    for (let length = 0; length < bytes.length; length++) expect(() => readSshsig(bytes.subarray(0, length))).toThrow(RangeError);
    expect(() => readSshsig(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(RangeError);
  });

  test('with any bit changed', () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect([at, verifiedBy(key, MESSAGE, changed)]).toEqual([at, false]);
    }
  });

  test('that claim to be four gigabytes long', () => {
    const changed = Buffer.from(bytes);
    changed.writeUInt32BE(0xffffffff, 10);
    expect(() => readSshsig(changed)).toThrow(RangeError);
  });

  test.each([
    ['no armour', bytes.toString('base64')],
    ['a second signature behind', SIGNATURE + SIGNATURE],
    ['text before', `x\n${SIGNATURE}`],
    ['stray bits', SIGNATURE.replace('x8I\n', 'x8J\n').replace('AAAAB', 'AAAAC')],
  ])('in armour with %s', (_name, text) => {
    const read = (): boolean => verifiedBy(key, MESSAGE, readSshsigArmour(text));
    let verified: boolean;
    try {
      verified = read();
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      verified = false;
    }
    expect(verified).toBe(false);
  });
});

describe('public keys', () => {
  test.each([
    ['nothing', ''],
    ['an SSH key of another type', 'ecdsa-sha2-nistp256 AAAA\n'],
    ['a hardware-backed SSH key', 'sk-ssh-ed25519@openssh.com AAAA\n'],
    ['a type that its blob does not have', PUBLIC.replace('AAAAC3', 'AAAAC4')],
    ['options before the key', `no-pty ${PUBLIC}`],
    ['two keys', PUBLIC + PUBLIC],
    [
      'PEM of another kind of key',
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n',
    ],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'],
    ['far too much', PUBLIC.padEnd(17 * 1024, ' x')],
  ])('%s: refused', (_name, text) => expect(() => readManifestKey(text)).toThrow(expect.objectContaining({ code: 'E_MANIFEST_KEY' })));

  test('PEM comes back as it was', () => expect(readManifestKey(manifestKeyText(ALICE.key))).toEqual(ALICE.key));
});

const withTools = hasProgram('ssh-keygen') ? describe : describe.skip;
withTools('beside ssh-keygen of this machine', () => {
  let folder: string;
  const inFolder = (name: string): string => path.join(folder, name);
  const keygen = (args: readonly string[], input?: Buffer) => {
    const { status, stdout, stderr } = spawnSync('ssh-keygen', args, { cwd: folder, input });
    if (status !== 0) throw new Error(stderr.toString());
    return stdout;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'm-'));
    keygen(['-q', '-t', 'ed25519', '-N', '', '-f', 'key']);
    keygen(['-q', '-t', 'ed25519', '-N', 'secret', '-f', 'locked']);
    keygen(['-q', '-t', 'rsa', '-N', '', '-f', 'rsa']);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const text = (name: string): string => readFileSync(inFolder(name), 'utf8');

  test.each(['sha256', 'sha512'])('what it signs with %s verifies here', (hash) => {
    const armour = keygen(['-Y', 'sign', '-n', 'mandate-manifest', '-O', `hashalg=${hash}`, '-f', 'key'], MESSAGE);
    expect(verifiedBy(readManifestKey(text('key.pub')), MESSAGE, readSshsigArmour(armour.toString()))).toBe(true);
  });

  test('what is signed here with its key verifies there', () => {
    const signing = readSigningKey(text('key'));
    expect(signing.publicKey).toEqual(readManifestKey(text('key.pub')));
    const body = signing.sign(MESSAGE).toString('base64').replace(/.{70}/g, '$&\n');
    writeFileSync(inFolder('ours.sig'), `-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`);
    writeFileSync(inFolder('signers'), `ana ${text('key.pub')}`);
    const said = keygen(['-Y', 'verify', '-f', 'signers', '-I', 'ana', '-n', 'mandate-manifest', '-s', 'ours.sig'], MESSAGE);
    expect(said.toString()).toContain('Good "mandate-manifest" signature');
  });

  test.each([
    ['locked', /passphrase/],
    ['rsa', /ssh-ed25519/],
    ['key.pub', /not an Ed25519 private key/],
  ])('%s does not sign', (name, why) => {
    expect(() => readSigningKey(text(name))).toThrow(
      expect.objectContaining({ code: 'E_MANIFEST_KEY', explanation: expect.objectContaining({ why: expect.stringMatching(why) }) }),
    );
  });
});
