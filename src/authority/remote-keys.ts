import { createPublicKey, type KeyObject } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { KEY_HOME_WORDS, type SealableKeys, type Sealed } from '../domain/key-seal';
import type { AuthorityKind } from '../domain/authority-row';
import type { Log, Random } from '../domain/ports';
import { badAnswer, isSignerFault, keyNameAtSigner, kindOfName, NAME_BYTES, SIGNER_ALGORITHM_OF } from '../domain/remote-signer';
import type { KeyHome, KeyName, NamedKey } from './key-home';
import { keyNameOf } from './key-name';
import { RemoteKey } from './remote-key';
import type { SignerClient } from './signer-client';
import type { SigningKey } from './signing-key';

export interface RemoteKeysParts {
  readonly client: SignerClient;
  /** Names of this installation's keys begin with it. */
  readonly prefix: string;
  readonly random: Random;
  readonly log: Log;
}

const PROBE = Buffer.from('mandate key check');

/**
 * Keys at a remote signer. Nothing of them is kept here, not even their names: which key belongs to which authority follows from its public half, and the authority's
 * own record says which public half that is.
 */
export class RemoteKeys implements KeyHome, SealableKeys {
  readonly home = 'remote';
  readonly description = KEY_HOME_WORDS.remote;
  /** Names at the signer, by key id. */
  readonly #names = new Map<string, string>();
  /** Names of keys that were asked for in vain, and may or may not have been made. */
  readonly #askedFor = new Map<AuthorityKind, string>();
  #listing: Promise<readonly KeyName[]> | undefined;

  constructor(private readonly parts: RemoteKeysParts) {}

  /** Why the signer could not be used the last time; undefined where it could. */
  get fault(): MandateError | undefined {
    return this.parts.client.fault;
  }

  /** Throws the E_SIGNER_ codes. Asked again after it failed, it asks for the key of the same name: what an answer that was lost had made is found. */
  async create(kind: AuthorityKind): Promise<NamedKey> {
    const { client, prefix, random } = this.parts;
    const at = this.#askedFor.get(kind) ?? keyNameAtSigner(prefix, kind, random.bytes(NAME_BYTES));
    this.#askedFor.delete(kind);
    try {
      const made = await client.createKey(at, SIGNER_ALGORITHM_OF[kind]);
      const name = keyNameOf(kind, made.publicKey);
      if (name === undefined) throw badAnswer('a public half of another kind of key');
      const publicKey = createPublicKey({ key: made.publicKey, format: 'der', type: 'spki' });
      this.#names.set(name.keyId, at);
      const key = this.#key(name, publicKey);
      // An authority whose key does not sign would be published, and found out when it takes over.
      await key.sign(PROBE);
      return { name, key };
    } catch (error) {
      if (error instanceof MandateError && error.code === 'E_SIGNER_DOWN') this.#askedFor.set(kind, at);
      else this.parts.log.warn({ error, signerKey: at }, 'no usable key from the signer; what it may have made is left there');
      throw error;
    }
  }

  /**
   * Throws E_SIGNER_KEY where the signer does not have the key. A signer that is away is no failure yet: the server publishes what it knows, and its first signature
   * says what is wrong.
   */
  async load(name: KeyName, publicKey: KeyObject): Promise<SigningKey> {
    try {
      await this.#nameAtSigner(name);
    } catch (error) {
      if (!isSignerFault(error) || error.code === 'E_SIGNER_KEY') throw error;
      this.parts.log.warn(
        { error, authority: name.kind, keyId: name.keyId },
        'signer not reached; its keys are looked for when they are needed',
      );
    }
    return this.#key(name, publicKey);
  }

  /** Whoever asks at once shares one answer. */
  list(): Promise<readonly KeyName[]> {
    this.#listing ??= this.#listed().finally(() => (this.#listing = undefined));
    return this.#listing;
  }

  async #listed(): Promise<readonly KeyName[]> {
    const { client, prefix, log } = this.parts;
    return (await client.keys(prefix)).flatMap((key) => {
      const kind = kindOfName(prefix, key.name);
      const name = kind && keyNameOf(kind, key.publicKey);
      if (name === undefined) {
        log.warn({ signerKey: key.name }, 'key at the signer that was not made for this installation');
        return [];
      }
      this.#names.set(name.keyId, key.name);
      return [name];
    });
  }

  async remove({ keyId }: KeyName): Promise<void> {
    if (!this.#names.has(keyId)) await this.list();
    const at = this.#names.get(keyId);
    if (at !== undefined) await this.parts.client.destroyKey(at);
    this.#names.delete(keyId);
  }

  /** Refuses: E_KEY_SEAL. */
  seal(): Promise<Sealed> {
    return Promise.reject(new MandateError('E_KEY_SEAL', { saw: this.description, why: 'nothing of them is on this machine' }));
  }

  #key(name: KeyName, publicKey: KeyObject): SigningKey {
    return new RemoteKey(publicKey, {
      sign: async (digest, verifies) => {
        try {
          return await this.parts.client.sign(await this.#nameAtSigner(name), SIGNER_ALGORITHM_OF[name.kind], digest, verifies);
        } catch (error) {
          // It may be there again under another name, restored from a backup.
          if (error instanceof MandateError && error.code === 'E_SIGNER_KEY') this.#names.delete(name.keyId);
          throw error;
        }
      },
    });
  }

  async #nameAtSigner({ kind, keyId }: KeyName): Promise<string> {
    if (!this.#names.has(keyId)) await this.list();
    const at = this.#names.get(keyId);
    if (at !== undefined) return at;
    throw new MandateError('E_SIGNER_KEY', { saw: `${kind} authority ${keyId}`, why: 'the signer lists no key with its public half' });
  }
}
