import type { KeyObject } from 'node:crypto';
import type { KeyName } from '../../src/authority/key-home';
import type { PrivateKeys } from '../../src/authority/private-keys';
import { MandateError } from '../../src/domain/errors';

/** A home that forgets everything with its process. For tests only: a server that starts anew would find none of its keys. */
export class MemoryKeys implements PrivateKeys {
  readonly description = 'keys in memory';
  readonly #keys = new Map<string, { readonly name: KeyName; readonly key: KeyObject }>();

  async save(name: KeyName, key: KeyObject): Promise<void> {
    this.#keys.set(at(name), { name, key });
  }

  async load(name: KeyName): Promise<KeyObject> {
    const found = this.#keys.get(at(name));
    if (!found) throw new MandateError('E_KEY_FILE', { saw: at(name), why: 'it is missing' });
    return found.key;
  }

  async list(): Promise<readonly KeyName[]> {
    return [...this.#keys.values()].map(({ name }) => name);
  }

  async remove(name: KeyName): Promise<void> {
    this.#keys.delete(at(name));
  }
}

function at({ kind, keyId }: KeyName): string {
  if (!/^[A-Za-z0-9_-]{16,64}$/.test(keyId)) throw new MandateError('E_INTERNAL', { saw: 'a key id that is no file name' });
  return `${kind}-${keyId}`;
}
