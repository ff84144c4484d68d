import type { KeyObject } from 'node:crypto';
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, scrypt, timingSafeEqual } from 'node:crypto';
import { MandateError } from '../domain/errors';
import {
  MAX_SECRET_BYTES,
  MIN_SECRET_BYTES,
  SCRYPT_COST,
  sealBody,
  type SealedBy,
  type SealHeader,
  scryptMemory,
} from '../domain/key-seal';
import type { Random } from '../domain/ports';
import type { KeyName } from './key-home';

const MAGIC = Buffer.from('mandate sealed key 1\n');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/**
 * What private keys are sealed with: AES-256-GCM under one key for all files of a seal, which scrypt derives from the secret once. A sealed key is
 * bound to its name and to its seal, so a file under another name, or of another seal, does not open.
 */
export class KeySeal {
  private constructor(
    readonly header: SealHeader,
    readonly key: KeyObject,
    readonly random: Random,
  ) {}

  /** A new seal. Throws E_PASSPHRASE for a secret that is too short or too long. */
  static async make(secret: Buffer, by: SealedBy, random: Random): Promise<KeySeal> {
    if (secret.length < MIN_SECRET_BYTES || secret.length > MAX_SECRET_BYTES) {
      throw new MandateError('E_PASSPHRASE', {
        saw: `${secret.length} bytes`,
        why: `a new seal takes ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES}`,
      });
    }
    const id = random.bytes(16).toString('hex');
    const body = { v: 1 as const, id, by, scrypt: { ...SCRYPT_COST, salt: random.bytes(KEY_BYTES).toString('hex') } };
    const { key, check } = await derived(body, secret);
    return new KeySeal({ ...body, check: check.toString('hex') }, key, random);
  }

  /** The seal that a file describes; undefined where the secret does not open it, or its file was edited: the two cannot be told apart. */
  static async open(header: SealHeader, secret: Buffer, random: Random): Promise<KeySeal | undefined> {
    const { key, check } = await derived(header, secret);
    return timingSafeEqual(check, Buffer.from(header.check, 'hex')) ? new KeySeal(header, key, random) : undefined;
  }

  seal(name: KeyName, plain: Buffer): Buffer {
    const nonce = this.random.bytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES }).setAAD(this.#bound(name));
    return Buffer.concat([MAGIC, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** What was sealed under this name, for the caller to wipe; undefined where one bit of it, its name or its seal is another. */
  reveal(name: KeyName, sealed: Buffer): Buffer | undefined {
    const nonceEnd = MAGIC.length + NONCE_BYTES;
    const tagAt = sealed.length - TAG_BYTES;
    if (tagAt < nonceEnd || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    const nonce = sealed.subarray(MAGIC.length, nonceEnd);
    const decipher = createDecipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#bound(name)).setAuthTag(sealed.subarray(tagAt));
    const plain = decipher.update(sealed.subarray(nonceEnd, tagAt));
    try {
      decipher.final();
      return plain;
    } catch {
      plain.fill(0);
      return undefined;
    }
  }

  /** Kind and ids hold no zero byte. */
  #bound({ kind, keyId }: KeyName): Buffer {
    return Buffer.from(['mandate key', 'v1', this.header.id, kind, keyId].join('\0'));
  }
}

/** The key of all files under a seal, and the check over its file. */
async function derived(body: Omit<SealHeader, 'check'>, secret: Buffer): Promise<{ readonly key: KeyObject; readonly check: Buffer }> {
  const { salt, ...cost } = body.scrypt;
  const master = await new Promise<Buffer>((resolve, reject) => {
    // What OpenSSL counts against the limit is a little more than the memory of the standard.
    const options = { ...cost, maxmem: scryptMemory(cost) + (1 << 20) };
    scrypt(secret, Buffer.from(salt, 'hex'), KEY_BYTES, options, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  const fileKey = expanded(master, 'mandate key files');
  const checkKey = expanded(master, 'mandate seal check');
  try {
    return { key: createSecretKey(fileKey), check: createHmac('sha256', checkKey).update(sealBody(body)).digest() };
  } finally {
    for (const bytes of [master, fileKey, checkKey]) bytes.fill(0);
  }
}

const expanded = (master: Buffer, purpose: string): Buffer => Buffer.from(hkdfSync('sha256', master, '', purpose, KEY_BYTES));
