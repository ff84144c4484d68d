import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { KEY_HOME_WORDS } from '../domain/key-seal';
import { keyFileName, keyFilesAmong } from './key-file-name';
import { type KeyFiles, RESTORE } from './key-files';
import type { KeyName } from './key-home';
import { isWholeKey, KEY_WORDS } from './key-pair';
import { keyFileFault } from './key-permissions';
import type { PrivateKeys } from './private-keys';

/** An RSA key has 1.7 KiB. */
const MAX_KEY_FILE_BYTES = 4096;

/** Private keys as PKCS#8 PEM, not encrypted: whoever can read files as this user has them. */
export class KeyFolder implements PrivateKeys {
  readonly description = KEY_HOME_WORDS.plain;

  constructor(readonly files: KeyFiles) {}

  save(name: KeyName, key: KeyObject): Promise<void> {
    return this.files.write(keyFileName(name, null), pkcs8Pem(key));
  }

  async load(name: KeyName): Promise<KeyObject> {
    const file = keyFileName(name, null);
    const path = this.files.path(file);
    const bytes = await this.files.read(file, MAX_KEY_FILE_BYTES);
    const text = bytes.toString('latin1');
    bytes.fill(0);
    const key = parsePem(text);
    // Equal to the last byte: a cut or appended file is damage, even where a lenient parser would still find a key in it.
    if (!key || pkcs8Pem(key) !== text || !isWholeKey(name.kind, key))
      throw keyFileFault(path, `it is damaged: it does not hold exactly one ${KEY_WORDS[name.kind]}`, RESTORE);
    return key;
  }

  async list(): Promise<readonly KeyName[]> {
    return keyFilesAmong(await this.files.names()).flatMap(({ name, seal }) => (seal === null ? [name] : []));
  }

  remove(name: KeyName): Promise<void> {
    return this.files.erase(keyFileName(name, null));
  }
}

const pkcs8Pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }) as string;

function parsePem(text: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: text, format: 'pem' });
  } catch {
    // Without its cause: the parser's message may quote what it read.
    return undefined;
  }
}
