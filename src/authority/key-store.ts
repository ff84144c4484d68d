import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { MandateError } from '../domain/errors';
import { P256_PKCS8_PREFIX } from '../domain/p256';
import type { KeyHome, KeyName } from './key-home';
import { signsFor } from './key-pair';
import { checkKeyFile, checkKeyFolder, keyFileFault, ownUid } from './key-permissions';

const MAX_KEY_FILE_BYTES = 1024;
const FILE_NAME = /^(x509|jwt)-([A-Za-z0-9_-]{16,64})\.pem$/;

/**
 * Private keys as PKCS#8 PEM in 0600 files of one 0700 folder: `x509-<key id>.pem` and `jwt-<key id>.pem`. They are not encrypted.
 * Whoever can read files as this user has them.
 */
export class KeyFolder implements KeyHome {
  readonly description = 'key in a 0600 file';

  constructor(readonly folder: string) {}

  async save(name: KeyName, key: KeyObject): Promise<void> {
    const path = this.#path(name);
    await this.#prepareFolder();
    // Another name until it is whole: a crash leaves the old file or the new one, and a left-over temporary is written anew.
    const temporary = `${path}.new`;
    await rm(temporary, { force: true });
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(pkcs8Pem(key));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await this.#syncFolder();
  }

  async load(name: KeyName): Promise<KeyObject> {
    const path = this.#path(name);
    await checkKeyFolder(this.folder);
    const text = await readKeyFile(path);
    const key = parsePem(text, path);
    // Equal to the last byte: a cut or appended file is damage, even where a lenient parser would still find a key in it.
    if (pkcs8Pem(key) !== text || !isWhole(key)) throw damaged(path);
    return key;
  }

  async list(): Promise<readonly KeyName[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.flatMap((file) => {
      const [, kind, keyId] = FILE_NAME.exec(file) ?? [];
      return keyId === undefined ? [] : [{ kind: kind as KeyName['kind'], keyId }];
    });
  }

  async remove(name: KeyName): Promise<void> {
    await rm(this.#path(name), { force: true });
    await this.#syncFolder();
  }

  #path({ kind, keyId }: KeyName): string {
    const file = `${kind}-${keyId}.pem`;
    if (!FILE_NAME.test(file)) throw new MandateError('E_INTERNAL', { saw: 'a key id that is no file name' });
    return `${this.folder}/${file}`;
  }

  async #prepareFolder(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await checkKeyFolder(this.folder);
  }

  /** The rename is durable only once the folder is. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** OpenSSL keeps whatever version number it read, and does not compare the secret with the public half beside it. */
const isWhole = (key: KeyObject): boolean =>
  key.export({ format: 'der', type: 'pkcs8' }).subarray(0, P256_PKCS8_PREFIX.length).equals(P256_PKCS8_PREFIX) &&
  signsFor(key, createPublicKey(key));

const pkcs8Pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }) as string;

async function readKeyFile(path: string): Promise<string> {
  let file: FileHandle;
  try {
    // A link could lead to a file that others write; a pipe would make open wait.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw openFault(path, error as NodeJS.ErrnoException);
  }
  try {
    const stat = await file.stat();
    checkKeyFile(path, stat);
    if (stat.size > MAX_KEY_FILE_BYTES) throw damaged(path);
    const bytes = Buffer.allocUnsafeSlow(MAX_KEY_FILE_BYTES);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const text = bytes.toString('latin1', 0, bytesRead);
    bytes.fill(0);
    return text;
  } finally {
    await file.close();
  }
}

function parsePem(text: string, path: string): KeyObject {
  try {
    return createPrivateKey({ key: text, format: 'pem' });
  } catch {
    // Without its cause: the parser's message may quote what it read.
    throw damaged(path);
  }
}

function openFault(path: string, error: NodeJS.ErrnoException): MandateError {
  if (error.code === 'ENOENT') return keyFileFault(path, 'it is missing', 'restore it from a backup of the state folder');
  if (error.code === 'ELOOP') return keyFileFault(path, 'it is a symbolic link', 'put the file itself there');
  if (error.code === 'EACCES') return keyFileFault(path, `uid ${ownUid()} may not read it`, `chown ${ownUid()} ${path}`);
  return keyFileFault(path, `it cannot be opened (${error.code ?? 'unknown'})`, 'restore it from a backup of the state folder');
}

const damaged = (path: string): MandateError =>
  keyFileFault(path, 'it is damaged: it does not hold exactly one P-256 key', 'restore it from a backup of the state folder');
