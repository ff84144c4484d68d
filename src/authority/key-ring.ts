import type { KeyObject } from 'node:crypto';
import { keepsKey } from '../domain/authority-life';
import type { AuthorityRow } from '../domain/lineage';
import type { Log } from '../domain/ports';
import type { KeyHome, KeyName } from './key-home';

/** The private keys of authorities that sign or will sign, each loaded once. */
export class KeyRing {
  readonly #keys = new Map<string, KeyObject>();

  constructor(
    private readonly home: KeyHome,
    private readonly log: Log,
  ) {}

  /** Throws as KeyHome.load does. */
  async of({ kind, keyId }: AuthorityRow): Promise<KeyObject> {
    const key = this.#keys.get(keyId) ?? (await this.home.load({ kind, keyId }));
    this.#keys.set(keyId, key);
    return key;
  }

  /** When it resolves, the key is durable. */
  async add({ kind, keyId }: AuthorityRow, key: KeyObject): Promise<void> {
    await this.home.save({ kind, keyId }, key);
    this.#keys.set(keyId, key);
  }

  /** A key that will not sign again is only a risk. Its not going away is no reason to stop. */
  async forget(name: KeyName): Promise<void> {
    this.#keys.delete(name.keyId);
    try {
      await this.home.remove({ kind: name.kind, keyId: name.keyId });
    } catch (error) {
      this.log.warn({ error, authority: name.kind, keyId: name.keyId }, 'key of an authority that signs no more not removed');
    }
  }

  /** Removes keys of authorities that sign no more; keys without an authority stay, since an older database may have been restored. */
  async tidy(rows: readonly AuthorityRow[]): Promise<void> {
    const byKey = new Map(rows.map((row) => [row.keyId, row]));
    for (const name of await this.home.list()) {
      const row = byKey.get(name.keyId);
      if (row && !keepsKey(row)) await this.forget(name);
      if (!row) this.log.warn({ ...name }, 'key without an authority');
    }
  }
}
