import { createPublicKey, type KeyObject } from 'node:crypto';
import { keepsKey } from '../domain/authority-life';
import { parseCertificate } from '../domain/certificate';
import { MandateError } from '../domain/errors';
import type { AuthorityKind, AuthorityRow } from '../domain/authority-row';
import type { Log } from '../domain/ports';
import { isSignerFault } from '../domain/remote-signer';
import type { KeyHome, KeyName, NamedKey } from './key-home';
import type { SigningKey } from './signing-key';

/** The keys of authorities that sign or will sign, each loaded once. */
export class KeyRing {
  readonly #keys = new Map<string, SigningKey>();
  /** Made for an authority that has not come to be yet. */
  readonly #unused = new Map<AuthorityKind, NamedKey>();
  /** Keys that should be gone and are not. */
  readonly #left = new Map<string, KeyName>();

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

  /** A key for an authority that is to be made. An attempt that failed leaves it to the next one: each key at a signer costs, and none goes by itself. */
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

  /** A key that will not sign again is only a risk. Its not going away is no reason to stop; `forgetLeft` tries again. */
  async forget({ kind, keyId }: KeyName): Promise<void> {
    this.#keys.delete(keyId);
    try {
      await this.home.remove({ kind, keyId });
      this.#left.delete(keyId);
    } catch (error) {
      if (!this.#left.has(keyId))
        this.log.warn({ error, authority: kind, keyId }, 'key of an authority that signs no more not removed yet');
      this.#left.set(keyId, { kind, keyId });
    }
  }

  /** Removes what could not be removed before. */
  async forgetLeft(): Promise<void> {
    for (const name of [...this.#left.values()]) await this.forget(name);
  }

  /** Removes keys of authorities that sign no more; keys without an authority stay, since an older database may have been restored. */
  async tidy(rows: readonly AuthorityRow[]): Promise<void> {
    const byKey = new Map(rows.map((row) => [row.keyId, row]));
    for (const name of await this.#listed()) {
      const row = byKey.get(name.keyId);
      if (row && !keepsKey(row)) await this.forget(name);
      if (!row) this.log.warn({ ...name }, 'key without an authority');
    }
  }

  async #listed(): Promise<readonly KeyName[]> {
    try {
      return await this.home.list();
    } catch (error) {
      if (!isSignerFault(error)) throw error;
      this.log.warn({ error }, 'keys at the signer not looked through');
      return [];
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
