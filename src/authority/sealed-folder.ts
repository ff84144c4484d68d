import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { KEY_HOME_WORDS, sealedHome } from '../domain/key-seal';
import { formsOf, keyFileName, keyFilesAmong } from './key-file-name';
import type { KeyFiles } from './key-files';
import { RESTORE } from './key-files';
import type { KeyName } from './key-home';
import { isWholeKey, KEY_WORDS } from './key-pair';
import { keyFileFault } from './key-permissions';
import type { KeySeal } from './key-seal';
import type { PrivateKeys } from './private-keys';

/** An RSA key has 1.2 KiB. */
const MAX_SEALED_BYTES = 4096;

/** Private keys as PKCS#8, each sealed in a file of its own. Whoever can read the files needs the secret of the seal as well. */
export class SealedFolder implements PrivateKeys {
  constructor(
    readonly files: KeyFiles,
    readonly seal: KeySeal,
  ) {}

  get description(): string {
    return KEY_HOME_WORDS[sealedHome(this.seal.header.by)];
  }

  async save(name: KeyName, key: KeyObject): Promise<void> {
    const plain = key.export({ format: 'der', type: 'pkcs8' });
    const sealed = this.seal.seal(name, plain);
    plain.fill(0);
    await this.files.write(this.#file(name), sealed);
  }

  async load(name: KeyName): Promise<KeyObject> {
    const path = this.files.path(this.#file(name));
    const plain = this.seal.reveal(name, await this.#read(name));
    if (plain === undefined) throw keyFileFault(path, 'it is not what was sealed under this name', RESTORE);
    try {
      const key = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
      if (isWholeKey(name.kind, key)) return key;
    } catch {
      // Without its cause: the parser's message may quote what it read.
    } finally {
      plain.fill(0);
    }
    throw keyFileFault(path, `what was sealed is not exactly one ${KEY_WORDS[name.kind]}`, RESTORE);
  }

  async list(): Promise<readonly KeyName[]> {
    return keyFilesAmong(await this.files.names()).flatMap(({ name, seal }) => (seal === this.seal.header.id ? [name] : []));
  }

  remove(name: KeyName): Promise<void> {
    return this.files.erase(this.#file(name));
  }

  /** A key that rests here, but not under this seal, was put back from an older copy, or never got into the present one. */
  async #read(name: KeyName): Promise<Buffer> {
    const own = this.#file(name);
    const forms = formsOf(name, await this.files.names());
    const [other] = forms;
    if (other !== undefined && !forms.some(({ file }) => file === own)) {
      const way = other.seal === null ? 'is not sealed' : 'is under another seal than the one in force';
      throw keyFileFault(this.files.path(other.file), `it ${way}`, RESTORE);
    }
    return this.files.read(own, MAX_SEALED_BYTES);
  }

  #file(name: KeyName): string {
    return keyFileName(name, this.seal.header.id);
  }
}
