import type { X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** One more than is ever verified, so that what is too long is refused and not cut. */
const MAX_CHAIN = 5;
const MAX_REMEMBERED = 256;

/** The certificates that the other side sent, DER, leaf first; empty where it sent none. On a resumed session the leaf is all there is. */
export function peerChain(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = [];
  let next: X509Certificate | undefined = socket.getPeerX509Certificate();
  while (next && chain.length < MAX_CHAIN) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}

/**
 * Intermediates by leaf. A session ticket keeps the leaf of the client and nothing above it (RFC 5077 leaves that to the server; OpenSSL stores
 * one certificate), so without these a resumed session could not be verified again. Bounded: the oldest go first, and whose are gone
 * makes a full handshake.
 */
export class Intermediates {
  readonly #byLeaf = new Map<string, readonly Buffer[]>();

  /** The chain with the intermediates of an earlier handshake where it has none itself. */
  complete(chain: readonly Buffer[]): readonly Buffer[] {
    const [leaf, ...above] = chain;
    return leaf && above.length === 0 ? [leaf, ...(this.#byLeaf.get(fingerprint(leaf)) ?? [])] : chain;
  }

  /** For chains that verified: nobody else may take up room here. */
  remember([leaf, ...above]: readonly Buffer[]): void {
    if (!leaf || above.length === 0) return;
    const key = fingerprint(leaf);
    this.#byLeaf.delete(key);
    this.#byLeaf.set(key, above);
    const [oldest] = this.#byLeaf.keys();
    if (this.#byLeaf.size > MAX_REMEMBERED && oldest !== undefined) this.#byLeaf.delete(oldest);
  }
}

/** SHA-256 of a certificate, hex. */
export const fingerprint = (der: Buffer): string => createHash('sha256').update(der).digest('hex');
