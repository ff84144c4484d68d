import type { MandateError } from './errors';

/** How authority keys rest (docs/adr/0024-key-homes.md, 0030-remote-signer.md), and the form of the file that says so. */

/** `found`: as they rest already; a new folder is plain. */
export const KEY_HOMES = ['found', 'plain', 'sealed', 'credential', 'remote'] as const;
export type WantedKeyHome = (typeof KEY_HOMES)[number];
/** `sealed`: under a passphrase. `credential`: under a credential of systemd. `remote`: not on this machine at all. */
export type KeyHomeKind = Exclude<WantedKeyHome, 'found'>;
export type SealedHome = Extract<KeyHomeKind, 'sealed' | 'credential'>;
export type SealedBy = 'passphrase' | 'credential';

export const KEY_HOME_WORDS: Readonly<Record<KeyHomeKind, string>> = {
  plain: 'keys in 0600 files',
  sealed: 'keys under a passphrase',
  credential: 'keys under a credential',
  // Whether it is more than a process with files of its own is not seen from here.
  remote: 'keys at a remote signer',
};

export const sealedHome = (by: SealedBy): SealedHome => (by === 'passphrase' ? 'sealed' : 'credential');

/** A passphrase or credential is no longer than this, in bytes. */
export const MAX_SECRET_BYTES = 1024;
/** What a new seal is made with is no shorter than this. A seal keeps its secret from guessing by price only. */
export const MIN_SECRET_BYTES = 12;

/** Names of the credentials that systemd hands to the server: the one to seal with, and the one before it while it is replaced. */
export const SEAL_CREDENTIAL = 'key-seal';
export const OLD_SEAL_CREDENTIAL = 'key-seal-old';

/** Name of the file that says how the keys beside it are sealed. Once it is there, the seal is in force. */
export const SEAL_FILE = 'seal.json';
export const MAX_SEAL_FILE_BYTES = 1024;

/** Cost of the stretching (RFC 7914); memory is 128 × N × r bytes. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** What stands in the seal's file; nothing of it is secret. `salt` and `check` are hex. */
export interface SealHeader {
  readonly v: 1;
  /** Names the seal in the names of the key files under it, and in what their seals are bound to. */
  readonly id: string;
  readonly by: SealedBy;
  readonly scrypt: ScryptCost & { readonly salt: string };
  /** HMAC over all of the above under a key that comes from the secret. */
  readonly check: string;
}

/**
 * 128 MiB and a third of a second for each guess, and once for each start: the least that OWASP's password storage cheat sheet names for scrypt. Cheaper
 * seals are refused, so that no edited file lowers the price, and so are those that would take the memory of a machine.
 */
export const SCRYPT_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };
const MAX_SCRYPT_N = 2 ** 20;

export const scryptMemory = ({ N, r }: ScryptCost): number => 128 * N * r;

/** What `check` is over. */
export const sealBody = ({ v, id, by, scrypt }: Omit<SealHeader, 'check'>): string =>
  JSON.stringify({ v, id, by, scrypt: { N: scrypt.N, r: scrypt.r, p: scrypt.p, salt: scrypt.salt } });

export const sealText = (header: SealHeader): string => `${sealBody(header).slice(0, -1)},"check":"${header.check}"}\n`;

const HEX_16 = /^[0-9a-f]{32}$/;
const HEX_32 = /^[0-9a-f]{64}$/;

/** Reads what `sealText` wrote, to the last byte; undefined for anything else. */
export function parseSeal(text: string): SealHeader | undefined {
  if (text.length > MAX_SEAL_FILE_BYTES) return undefined;
  let header: SealHeader;
  try {
    header = JSON.parse(text) as SealHeader;
    return sealText(header) === text && isSeal(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

/** The text is ours in form by now: its members are there, once, and no others. */
const isSeal = ({ v, id, by, scrypt, check }: SealHeader): boolean =>
  v === 1 &&
  HEX_16.test(id) &&
  (by === 'passphrase' || by === 'credential') &&
  Number.isInteger(scrypt.N) &&
  Number.isInteger(Math.log2(scrypt.N)) &&
  scrypt.N >= SCRYPT_COST.N &&
  scrypt.N <= MAX_SCRYPT_N &&
  scrypt.r === SCRYPT_COST.r &&
  scrypt.p === SCRYPT_COST.p &&
  HEX_32.test(scrypt.salt) &&
  HEX_32.test(check);

/** What an administrator's order to seal does. */
export interface Sealed {
  readonly home: SealedHome;
  /** Keys that are under the new seal. */
  readonly keys: number;
  /** Files of the way before that could not be overwritten and removed; the next start tries again. */
  readonly left: number;
}

/** The keys of a running server as an administrator may change their seal. */
export interface SealableKeys {
  readonly home: KeyHomeKind;
  /** Why they could not be used when they were last needed; undefined where they could. */
  readonly fault?: MandateError | undefined;
  /** Puts every key under a new seal. Throws E_KEY_FILE, E_PASSPHRASE and E_KEY_SEAL; the way before is then in force. The secret is the caller's to wipe. */
  seal(secret: Buffer, by: SealedBy): Promise<Sealed>;
}
