import type { KeyObject } from 'node:crypto';
import type { KeyName } from './key-home';

/** Private keys of authorities that rest on this machine, whatever protects them. */
export interface PrivateKeys {
  /** What `up` and `status` call it: never more than it is. */
  readonly description: string;
  /** When it resolves, the key is durable; when it rejects, a later `load` finds the whole key or none. */
  save(name: KeyName, key: KeyObject): Promise<void>;
  /** Throws E_KEY_FILE where the key is missing, damaged, or could have been read or changed by others. */
  load(name: KeyName): Promise<KeyObject>;
  /** Every key that rests here, whether or not an authority still knows it. */
  list(): Promise<readonly KeyName[]>;
  /** Removes a key that will not sign again; one that is not there is no error. */
  remove(name: KeyName): Promise<void>;
}
