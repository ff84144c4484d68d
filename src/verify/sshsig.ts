import { createHash } from 'node:crypto';
import { SshReader, sshStrings } from './ssh-wire';

/** What our SSH signatures are for: one made for anything else (git, files, logins) never counts here. */
export const SSHSIG_NAMESPACE = 'mandate-manifest';

const MAGIC = Buffer.from('SSHSIG');
const VERSION = 1;
export const SSH_ED25519 = 'ssh-ed25519';
const BEGIN = '-----BEGIN SSH SIGNATURE-----\n';
const END = '-----END SSH SIGNATURE-----';

/** An SSH signature by an Ed25519 key (OpenSSH, PROTOCOL.sshsig), taken apart; not verified. */
export interface SshSignature {
  /** The 32 bytes of the key that it says it is of. */
  readonly publicKey: Buffer;
  /** The 64 bytes of Ed25519. */
  readonly signature: Buffer;
  readonly hash: SshsigHash;
}

export type SshsigHash = 'sha256' | 'sha512';

/** True where bytes begin as an SSH signature does. */
export const isSshsig = (bytes: Buffer): boolean => bytes.subarray(0, MAGIC.length).equals(MAGIC);

/** The key as SSH writes it: its type, and its 32 bytes. */
export const sshKeyBlob = (publicKey: Buffer): Buffer => sshStrings(SSH_ED25519, publicKey);

/** The 32 bytes of an Ed25519 key from its SSH blob; throws RangeError for any other. */
export function readSshKeyBlob(blob: Buffer): Buffer {
  return ed25519Part(blob, 32);
}

function ed25519Part(blob: Buffer, length: number): Buffer {
  const reader = new SshReader(blob);
  reader.expect(SSH_ED25519);
  const part = reader.string();
  reader.end();
  if (part.length !== length) throw new RangeError(`${length} bytes are expected`);
  return part;
}

/**
 * Takes an SSH signature apart. Throws RangeError for another version, key type, namespace or hash, for a reserved field that is not empty,
 * and where the lengths do not add up.
 */
export function readSshsig(bytes: Buffer): SshSignature {
  const reader = new SshReader(bytes);
  if (!reader.take(MAGIC.length).equals(MAGIC)) throw new RangeError('not an SSH signature');
  if (reader.uint32() !== VERSION) throw new RangeError('an unknown version');
  const publicKey = readSshKeyBlob(reader.string());
  reader.expect(SSHSIG_NAMESPACE);
  reader.expect('');
  const hash = reader.string().toString('latin1');
  if (hash !== 'sha256' && hash !== 'sha512') throw new RangeError('an unknown hash');
  const signature = ed25519Part(reader.string(), 64);
  reader.end();
  return { publicKey, signature, hash };
}

/** What the Ed25519 signature inside an SSH signature is made over. */
export const sshsigMessage = (message: Buffer, hash: SshsigHash): Buffer =>
  Buffer.concat([MAGIC, sshStrings(SSHSIG_NAMESPACE, '', hash, createHash(hash).update(message).digest())]);

/** An SSH signature put together from the Ed25519 signature over `sshsigMessage(message, 'sha512')`. */
export function sshsigBytes(publicKey: Buffer, signature: Buffer): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(VERSION);
  return Buffer.concat([
    MAGIC,
    version,
    sshStrings(sshKeyBlob(publicKey), SSHSIG_NAMESPACE, '', 'sha512', sshStrings(SSH_ED25519, signature)),
  ]);
}

/** Bytes of the armoured form that `ssh-keygen -Y sign` writes. Throws RangeError for anything else around them. */
export function readSshsigArmour(text: string): Buffer {
  const lines = text.replaceAll('\r\n', '\n').trimEnd();
  if (!lines.startsWith(BEGIN) || !lines.endsWith(END)) throw new RangeError('not an armoured SSH signature');
  const body = lines.slice(BEGIN.length, -END.length).replaceAll('\n', '');
  const bytes = Buffer.from(body, 'base64');
  if (bytes.toString('base64') !== body) throw new RangeError('not base64');
  return bytes;
}
