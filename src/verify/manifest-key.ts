import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { MandateError } from '../domain/errors';
import type { ManifestKey } from '../domain/manifest';
import { isSshsig, readSshKeyBlob, readSshsig, SSH_ED25519, sshKeyBlob, sshsigMessage } from './sshsig';

const MAX_KEY_TEXT = 16 * 1024;
/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SSH_LINE = /^ssh-ed25519 ([A-Za-z0-9+/]+={0,2})(?: [^\r\n]*)?$/;

/**
 * The public key in a file: PEM (SubjectPublicKeyInfo) of an Ed25519 key, or the one line of an OpenSSH `.pub` file. Throws
 * E_MANIFEST_KEY, also for a private key: it has no business where statements are only verified.
 */
export function readManifestKey(text: string): ManifestKey {
  const trimmed = text.length > MAX_KEY_TEXT ? '' : text.trim();
  if (trimmed.includes('PRIVATE KEY')) throw unusable('this is a private key; give its public half');
  const ssh = SSH_LINE.exec(trimmed)?.[1];
  try {
    if (ssh !== undefined) return { form: 'ssh-ed25519', bytes: Buffer.from(readSshKeyBlob(canonicalBase64(ssh))) };
    if (trimmed.startsWith('-----BEGIN PUBLIC KEY-----')) return { form: 'ed25519', bytes: ed25519Bytes(createPublicKey(trimmed)) };
  } catch (cause) {
    throw unusable('it is not an Ed25519 key', cause);
  }
  throw unusable(trimmed.startsWith('s') ? 'of SSH keys only ssh-ed25519 is accepted' : 'it is neither PEM nor an OpenSSH public key');
}

function canonicalBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new RangeError('not base64');
  return bytes;
}

/** The 32 bytes of an Ed25519 public key. Throws RangeError for any other. */
export function ed25519Bytes(key: KeyObject): Buffer {
  const der = key.asymmetricKeyType === 'ed25519' ? key.export({ format: 'der', type: 'spki' }) : Buffer.alloc(0);
  if (!der.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX)) throw new RangeError('not an Ed25519 key');
  return der.subarray(SPKI_PREFIX.length);
}

/** What a key is called: of an SSH key the fingerprint that `ssh-keygen -l` shows, of another the SHA-256 of its SubjectPublicKeyInfo. */
export function manifestKeyId({ form, bytes }: ManifestKey): string {
  if (form === 'ed25519') return `ed25519:${sha256(spki(bytes)).toString('hex')}`;
  return `SHA256:${sha256(sshKeyBlob(bytes)).toString('base64').replaceAll('=', '')}`;
}

/** The key as a file would hold it, so that it can be compared or used elsewhere. */
export function manifestKeyText({ form, bytes }: ManifestKey): string {
  if (form === 'ssh-ed25519') return `${SSH_ED25519} ${sshKeyBlob(bytes).toString('base64')}\n`;
  return `-----BEGIN PUBLIC KEY-----\n${spki(bytes).toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

/** True where `signature` is one of `message` by this key, in the form of this key. */
export function verifiedBy({ form, bytes }: ManifestKey, message: Buffer, signature: Buffer): boolean {
  if (isSshsig(signature) !== (form === 'ssh-ed25519')) return false;
  const key = createPublicKey({ key: spki(bytes), format: 'der', type: 'spki' });
  if (form === 'ed25519') return signature.length === 64 && verify(null, message, key, signature);
  try {
    const inner = readSshsig(signature);
    return inner.publicKey.equals(bytes) && verify(null, sshsigMessage(message, inner.hash), key, inner.signature);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const spki = (bytes: Buffer): Buffer => Buffer.concat([SPKI_PREFIX, bytes]);
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
const unusable = (why: string, cause?: unknown) => new MandateError('E_MANIFEST_KEY', { why }, { cause });
