import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { pem } from '../domain/pem';
import { TLS_SUITES } from '../domain/tls-suites';
import type { X509Identity } from './sources';

/**
 * TLS settings that show this identity, or nobody where it is undefined: a server without one fails every handshake. No authority is loaded:
 * OpenSSL's verdict is not used, and what it does not know it cannot accept by itself.
 */
export function contextOptions(identity: X509Identity | undefined): SecureContextOptions {
  return {
    ...(identity && {
      key: identity.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: identity.chain.map((der) => pem('CERTIFICATE', der)).join(''),
    }),
    ca: [],
    minVersion: 'TLSv1.2',
    ciphers: TLS_SUITES,
    // A peer that renegotiates TLS 1.2 could become somebody else after it was checked.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

const contexts = new WeakMap<X509Identity, SecureContext>();

/** The same for a client; made once for each identity. */
export function clientContext(identity: X509Identity | undefined): SecureContext {
  const made = identity && contexts.get(identity);
  if (made) return made;
  const context = createSecureContext(contextOptions(identity));
  if (identity) contexts.set(identity, context);
  return context;
}
