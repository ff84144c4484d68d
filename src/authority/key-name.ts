import { JWT_ALGORITHM_OF, jwtKeyOf, jwtThumbprint } from '../domain/jwt-key';
import type { AuthorityKind } from '../domain/authority-row';
import { p256PointOf } from '../domain/p256';
import type { KeyName } from './key-home';
import { keyIdOf } from './root-certificate';

/**
 * The name of an authority that has this public key (SubjectPublicKeyInfo DER): subject key identifier, or RFC 7638 thumbprint. Undefined where an authority of that kind
 * cannot have such a key.
 */
export function keyNameOf(kind: AuthorityKind, spki: Buffer): KeyName | undefined {
  if (kind === 'x509') {
    const point = p256PointOf(spki);
    return point && { kind, keyId: keyIdOf(point).toString('hex') };
  }
  const key = jwtKeyOf(JWT_ALGORITHM_OF[kind], spki);
  return key && { kind, keyId: jwtThumbprint(key) };
}
