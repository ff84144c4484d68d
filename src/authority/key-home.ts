import type { KeyObject } from 'node:crypto';
import type { AuthorityKind } from '../domain/authority-row';
import type { SigningKey } from './signing-key';

/** Which authority a key belongs to. */
export interface KeyName {
  readonly kind: AuthorityKind;
  /** It follows from the public key: another key has another name. */
  readonly keyId: string;
}

/** A key that was just made, under the name that follows from it. */
export interface NamedKey {
  readonly name: KeyName;
  readonly key: SigningKey;
}

/** Where authorities have their keys: it makes them, and hands out what signs with them. */
export interface KeyHome {
  /** What `up` and `status` call it: never more than it is. */
  readonly description: string;
  /** Makes a key for an authority of that kind. When it resolves, the key is durable. */
  create(kind: AuthorityKind): Promise<NamedKey>;
  /** The key of an authority, whose public half is known. Throws where it is missing, damaged, or another one: E_KEY_FILE, E_SIGNER_KEY. */
  load(name: KeyName, publicKey: KeyObject): Promise<SigningKey>;
  /** Every key that is there, whether or not an authority still knows it. */
  list(): Promise<readonly KeyName[]>;
  /** Removes a key that will not sign again; one that is not there is no error. */
  remove(name: KeyName): Promise<void>;
}
