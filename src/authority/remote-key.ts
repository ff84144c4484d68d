import { createHash, type KeyObject, verify } from 'node:crypto';
import type { SigningKey } from './signing-key';

/** What a remote key asks for its signatures. */
export interface DigestSigner {
  /** A signature over a SHA-256 digest that `verifies`. */
  sign(digest: Buffer, verifies: (signature: Buffer) => boolean): Promise<Buffer>;
}

/**
 * A key whose private half is at a signer. Each signature is verified by the public half that the authority is known by before anybody sees it: a signer that uses another
 * key, or answers one request with the signature of another, is found out by the first of them.
 */
export class RemoteKey implements SigningKey {
  constructor(
    readonly publicKey: KeyObject,
    private readonly signer: DigestSigner,
  ) {}

  sign(data: Buffer): Promise<Buffer> {
    const own = Buffer.from(data);
    const digest = createHash('sha256').update(own).digest();
    return this.signer.sign(digest, (signature) => verify('sha256', own, this.publicKey, signature));
  }
}
