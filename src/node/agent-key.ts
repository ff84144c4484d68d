import { createECDH } from 'node:crypto';
import { p256Pkcs8 } from '../domain/p256';

/** A fresh key of one process; whoever sends it wipes `pkcs8` after the last use. */
export interface AgentKey {
  /** PKCS#8 DER, 138 bytes, in memory of its own. */
  readonly pkcs8: Buffer;
  /** Uncompressed P-256 point, 65 bytes. */
  readonly point: Buffer;
}

const ecdh = createECDH('prime256v1');
let spare: AgentKey | undefined;

/** A P-256 key pair for one process, handed out once. The next one is made when this turn's work is done, while nobody waits for it. */
export function generateAgentKey(): AgentKey {
  const key = spare ?? makeKey();
  spare = undefined;
  setImmediate(() => (spare ??= makeKey()));
  return key;
}

/** OpenSSL's encoder would cost ten times as much as the key. */
function makeKey(): AgentKey {
  const point = ecdh.generateKeys();
  const secret = ecdh.getPrivateKey();
  const pkcs8 = p256Pkcs8(secret, point);
  secret.fill(0);
  return { pkcs8, point };
}
