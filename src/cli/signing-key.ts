import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { ManifestKey } from '../domain/manifest';
import { ed25519Bytes } from '../verify/manifest-key';
import { readSshKeyBlob, SSH_ED25519, sshsigBytes, sshsigMessage } from '../verify/sshsig';
import { SshReader } from '../verify/ssh-wire';

/** A private key that signs manifests. */
export interface SigningKey {
  readonly publicKey: ManifestKey;
  /** The signature over the DSSE encoding of a statement, in the form of this key. */
  sign(message: Buffer): Buffer;
}

/** PKCS#8 of an Ed25519 key up to its seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const OPENSSH = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END OPENSSH PRIVATE KEY-----$/;
const OPENSSH_MAGIC = Buffer.from('openssh-key-v1\0');

/**
 * The private key in a file: PEM (PKCS#8) of an Ed25519 key, or an OpenSSH key of type ssh-ed25519, neither under a passphrase. Throws
 * E_MANIFEST_KEY; its text never repeats what the file holds.
 */
export function readSigningKey(text: string): SigningKey {
  const trimmed = text.replaceAll('\r\n', '\n').trim();
  const openssh = OPENSSH.exec(trimmed)?.[1];
  if (openssh !== undefined) return opensshKey(Buffer.from(openssh, 'base64'));
  if (trimmed.includes('ENCRYPTED PRIVATE KEY')) throw unusable('it is under a passphrase');
  try {
    const key = createPrivateKey(trimmed);
    return { publicKey: { form: 'ed25519', bytes: ed25519Bytes(createPublicKey(key)) }, sign: (message) => sign(null, message, key) };
  } catch (cause) {
    throw unusable('it is not an Ed25519 private key in PEM (PKCS#8) or of OpenSSH', cause);
  }
}

function opensshKey(bytes: Buffer): SigningKey {
  try {
    const reader = new SshReader(bytes);
    if (!reader.take(OPENSSH_MAGIC.length).equals(OPENSSH_MAGIC)) throw new RangeError('not an OpenSSH key');
    const cipher = reader.string().toString('latin1');
    if (cipher !== 'none') throw unusable('it is under a passphrase', undefined, 'sign with ssh-keygen -Y sign: mandate help manifests');
    reader.expect('none');
    reader.expect('');
    if (reader.uint32() !== 1) throw new RangeError('more than one key');
    const publicKey = Buffer.from(readSshKeyBlob(reader.string()));
    const { seed, own } = secretPart(reader.string());
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
    // A file whose halves differ would sign what nobody can verify.
    if (!own.equals(publicKey) || !ed25519Bytes(createPublicKey(key)).equals(publicKey)) throw new RangeError('the halves differ');
    return signingBySsh(key, publicKey);
  } catch (cause) {
    if (cause instanceof MandateError) throw cause;
    throw unusable('of OpenSSH keys only ssh-ed25519 is accepted', cause);
  }
}

/** Layout of OpenSSH's PROTOCOL.key: a check number twice, the key, a comment, and padding that is left unread. */
function secretPart(bytes: Buffer): { readonly seed: Buffer; readonly own: Buffer } {
  const reader = new SshReader(bytes);
  if (reader.uint32() !== reader.uint32()) throw new RangeError('the check numbers differ');
  reader.expect(SSH_ED25519);
  const own = reader.string();
  const secret = reader.string();
  if (secret.length !== 64) throw new RangeError('64 bytes are expected');
  return { seed: secret.subarray(0, 32), own };
}

const signingBySsh = (key: KeyObject, publicKey: Buffer): SigningKey => ({
  publicKey: { form: 'ssh-ed25519', bytes: publicKey },
  sign: (message) => sshsigBytes(publicKey, sign(null, sshsigMessage(message, 'sha512'), key)),
});

const unusable = (why: string, cause?: unknown, fix?: string) =>
  new MandateError('E_MANIFEST_KEY', { why, ...(fix !== undefined && { fix }) }, { cause });
