import { createECDH } from 'node:crypto';

/** A fresh key of one process; whoever sends it wipes `pkcs8` after the last use. */
export interface AgentKey {
  /** PKCS#8 DER, 138 bytes. */
  readonly pkcs8: Buffer;
  /** Uncompressed P-256 point, 65 bytes. */
  readonly point: Buffer;
}

// PKCS#8 of a P-256 key (RFC 5958, RFC 5915) around its two changing parts. OpenSSL's own encoder costs ten times the key.
const BEFORE_SECRET = Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
const BEFORE_POINT = Buffer.from('a144034200', 'hex');
const SECRET_BYTES = 32;
const POINT_BYTES = 65;

const ecdh = createECDH('prime256v1');

/** Makes a P-256 key pair for one process. */
export function generateAgentKey(): AgentKey {
  const point = ecdh.generateKeys();
  const secret = ecdh.getPrivateKey();
  // Not from the pool, which is shared with everything else this process allocates.
  const pkcs8 = Buffer.allocUnsafeSlow(BEFORE_SECRET.length + SECRET_BYTES + BEFORE_POINT.length + POINT_BYTES);
  const secretAt = BEFORE_SECRET.length;
  const secretEnd = secretAt + SECRET_BYTES;
  pkcs8.set(BEFORE_SECRET);
  // One secret in 256 starts with a zero octet, and comes back without it.
  pkcs8.fill(0, secretAt, secretEnd);
  pkcs8.set(secret, secretEnd - secret.length);
  secret.fill(0);
  pkcs8.set(BEFORE_POINT, secretEnd);
  pkcs8.set(point, secretEnd + BEFORE_POINT.length);
  return { pkcs8, point };
}
