import type { KeyObject } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { AuthorityKind } from '../domain/authority-row';
import type { KeyHome, KeyName, NamedKey } from './key-home';
import { keyNameOf } from './key-name';
import { checkKeyPair, generateAuthorityKey } from './key-pair';
import type { PrivateKeys } from './private-keys';
import { generateRsaKey } from './rsa-key';
import { localKey, type SigningKey } from './signing-key';

/** Keys that are made on this machine, rest on it, and sign in this process. */
export class LocalKeys implements KeyHome {
  constructor(private readonly resting: PrivateKeys) {}

  get description(): string {
    return this.resting.description;
  }

  async create(kind: AuthorityKind): Promise<NamedKey> {
    const key = kind === 'jwt-rs256' ? await generateRsaKey() : generateAuthorityKey().key;
    const made = localKey(key);
    const name = keyNameOf(kind, made.publicKey.export({ format: 'der', type: 'spki' }));
    if (name === undefined) throw new MandateError('E_INTERNAL', { saw: `a key that no ${kind} authority can have` });
    await this.resting.save(name, key);
    return { name, key: made };
  }

  async load(name: KeyName, publicKey: KeyObject): Promise<SigningKey> {
    const key = localKey(await this.resting.load(name));
    checkKeyPair(key, publicKey, `${name.kind} authority ${name.keyId}`);
    return key;
  }

  list(): Promise<readonly KeyName[]> {
    return this.resting.list();
  }

  remove(name: KeyName): Promise<void> {
    return this.resting.remove(name);
  }
}
