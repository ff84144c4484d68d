import { createPublicKey, type KeyObject } from 'node:crypto';
import { keepsKey } from '../domain/authority-life';
import { parseCertificate } from '../domain/certificate';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/lineage';
import type { Log } from '../domain/ports';
import type { KeyHome, KeyName, NamedKey } from './key-home';
import type { SigningKey } from './signing-key';

/** The keys of authorities that sign or will sign, each loaded once. */
export class KeyRing {
  readonly #keys = new Map<string, SigningKey>();
  /** Made for an authority that has not come to be yet. */
  readonly #unused = new Map<AuthorityKind, NamedKey>();

  constructor(
    private readonly home: KeyHome,
    private readonly log: Log,
  ) {}

  /** Throws as KeyHome.load does, and E_INTEGRITY for a stored authority that is damaged. */
  async of({ kind, keyId, public: stored }: AuthorityRow): Promise<SigningKey> {
    const key = this.#keys.get(keyId) ?? (await this.home.load({ kind, keyId }, publicKeyOf(kind, stored)));
    this.#keys.set(keyId, key);
    return key;
  }

  /** A key for an authority that is to be made. An attempt that failed leaves it to the next one. */
  async fresh(kind: AuthorityKind, rows: readonly AuthorityRow[]): Promise<NamedKey> {
    const left = this.#unused.get(kind);
    // Whether the authority was stored may not have been known then.
    if (left && !rows.some(({ keyId }) => keyId === left.name.keyId)) return left;
    const made = await this.home.create(kind);
    this.#unused.set(kind, made);
    return made;
  }

  /** The authority of a fresh key is stored. */
  used({ name, key }: NamedKey): void {
    this.#keys.set(name.keyId, key);
    this.#unused.delete(name.kind);
  }

  /** A key that will not sign again is only a risk. Its not going away is no reason to stop. */
  async forget({ kind, keyId }: KeyName): Promise<void> {
    this.#keys.delete(keyId);
    try {
      await this.home.remove({ kind, keyId });
    } catch (error) {
      this.log.warn({ error, authority: kind, keyId }, 'key of an authority that signs no more not removed');
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

function publicKeyOf(kind: AuthorityKind, stored: Buffer): KeyObject {
  try {
    return createPublicKey({ key: kind === 'x509' ? parseCertificate(stored).spki : stored, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new MandateError('E_INTEGRITY', { saw: `a stored ${kind} authority`, why: 'its public part is damaged' }, { cause });
  }
}
