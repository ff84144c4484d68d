import type { KeyObject } from 'node:crypto';
import { MandateError } from '../domain/errors';
import {
  type KeyHomeKind,
  MAX_SEAL_FILE_BYTES,
  parseSeal,
  SEAL_FILE,
  type SealableKeys,
  type Sealed,
  type SealedBy,
  sealedHome,
  type SealHeader,
  sealText,
} from '../domain/key-seal';
import type { Log, Random } from '../domain/ports';
import { formsOf, keyFilesAmong } from './key-file-name';
import { type KeyFiles, RESTORE } from './key-files';
import type { KeyName } from './key-home';
import { keyFileFault } from './key-permissions';
import { KeySeal } from './key-seal';
import type { KeyFolder } from './key-store';
import type { PrivateKeys } from './private-keys';
import { SealedFolder } from './sealed-folder';

/**
 * The key folder of a server: plain, or under the seal that its `seal.json` describes. That file alone decides which: it is put there after every
 * key lies beside it under the new seal, and only then do the files of the way before go. So at every moment all keys can be read one way.
 */
export class SealableFolder implements PrivateKeys, SealableKeys {
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly files: KeyFiles,
    readonly random: Random,
    readonly log: Log,
    private inForce: KeyFolder | SealedFolder,
  ) {}

  get home(): KeyHomeKind {
    return this.inForce instanceof SealedFolder ? sealedHome(this.inForce.seal.header.by) : 'plain';
  }

  get description(): string {
    return this.inForce.description;
  }

  save(name: KeyName, key: KeyObject): Promise<void> {
    return this.#inTurn(() => this.inForce.save(name, key));
  }

  load(name: KeyName): Promise<KeyObject> {
    return this.#inTurn(() => this.inForce.load(name));
  }

  list(): Promise<readonly KeyName[]> {
    return this.#inTurn(() => this.inForce.list());
  }

  /** In every form it has. */
  remove(name: KeyName): Promise<void> {
    return this.#inTurn(async () => {
      for (const { file } of formsOf(name, await this.files.names())) await this.files.erase(file);
    });
  }

  seal(secret: Buffer, by: SealedBy): Promise<Sealed> {
    return this.#inTurn(async () => {
      const next = new SealedFolder(this.files, await KeySeal.make(secret, by, this.random));
      const names = await this.inForce.list();
      for (const name of names) await next.save(name, await this.inForce.load(name));
      const durable = await this.#putInForce(next.seal.header);
      this.inForce = next;
      return { home: sealedHome(by), keys: names.length, left: await this.#eraseOthers(durable) };
    });
  }

  /** Removes what an earlier change left behind: other forms of keys that can be read the way in force. */
  tidy(): Promise<void> {
    return this.#inTurn(async () => {
      const left = await this.#eraseOthers(true);
      if (left > 0) this.log.warn({ left }, 'key files of an earlier way not removed');
    });
  }

  /** False where the new seal is in force but could be lost with the power: what it replaces has to stay then. */
  async #putInForce(header: SealHeader): Promise<boolean> {
    try {
      await this.files.write(SEAL_FILE, sealText(header));
      return true;
    } catch (error) {
      const found = await readSeal(this.files).catch(() => undefined);
      if (found?.id !== header.id) throw error;
      this.log.warn({ error }, 'seal not known to be durable');
      return false;
    }
  }

  /** Number of files that should have gone and are still there. */
  async #eraseOthers(carryOut: boolean): Promise<number> {
    const current = this.inForce instanceof SealedFolder ? this.inForce.seal.header.id : null;
    let left = 0;
    const files = await this.files.names();
    for (const half of files.filter((file) => file.endsWith('.new'))) await this.files.erase(half);
    for (const { file, name, seal } of keyFilesAmong(files)) {
      if (seal === current) continue;
      try {
        // Not to be read the way in force, it could be the only copy of a key.
        await this.inForce.load(name);
        if (carryOut) await this.files.erase(file);
        else left++;
      } catch (error) {
        left++;
        this.log.warn({ error, file }, 'key file of another way stays');
      }
    }
    return left;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** What is in force in a key folder. Throws E_KEY_FILE where that cannot be read. */
export async function readSeal(files: KeyFiles): Promise<SealHeader | undefined> {
  if (!(await files.names()).includes(SEAL_FILE)) return undefined;
  const bytes = await files.read(SEAL_FILE, MAX_SEAL_FILE_BYTES);
  const header = parseSeal(bytes.toString('utf8'));
  if (header === undefined) throw keyFileFault(files.path(SEAL_FILE), 'it is damaged: it is not what mandate wrote', RESTORE);
  return header;
}

/** The first of `secrets` that opens a seal, by its index. Throws E_KEY_SEALED where there are none, E_KEY_PASSPHRASE where none does. */
export async function openSeal(
  header: SealHeader,
  secrets: readonly Buffer[],
  random: Random,
): Promise<{ readonly seal: KeySeal; readonly index: number }> {
  if (secrets.length === 0) throw sealed(header.by);
  for (const [index, secret] of secrets.entries()) {
    const seal = await KeySeal.open(header, secret, random);
    if (seal) return { seal, index };
  }
  throw new MandateError('E_KEY_PASSPHRASE', { saw: `keys sealed by a ${header.by}` });
}

export const sealed = (by: SealedBy): MandateError =>
  new MandateError('E_KEY_SEALED', { saw: `keys sealed by a ${by}, and none was given` });
