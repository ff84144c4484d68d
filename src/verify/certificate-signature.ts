import type { KeyObject } from 'node:crypto';
import { createPublicKey, verify } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import { isUsableKey } from './usable-key';

/** Signature algorithms by AlgorithmIdentifier (hex): key type and digest. SHA-1, MD5 and RSASSA-PSS are not among them. */
const ALGORITHMS: Readonly<Record<string, { readonly key: 'ec' | 'rsa'; readonly digest: string }>> = {
  '300a06082a8648ce3d040302': { key: 'ec', digest: 'sha256' }, // ecdsa-with-SHA256
  '300a06082a8648ce3d040303': { key: 'ec', digest: 'sha384' },
  '300a06082a8648ce3d040304': { key: 'ec', digest: 'sha512' },
  '300d06092a864886f70d01010b0500': { key: 'rsa', digest: 'sha256' }, // sha256WithRSAEncryption
  '300d06092a864886f70d01010c0500': { key: 'rsa', digest: 'sha384' },
  '300d06092a864886f70d01010d0500': { key: 'rsa', digest: 'sha512' },
};

/** The key of a certificate if it can verify signatures of others here, else undefined. */
export function signingKeyOf(certificate: Certificate): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: certificate.spki, format: 'der', type: 'spki' });
    return isUsableKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** True where `key` verifies the signature of `child`, made by an algorithm that is allowed and belongs to the key. */
export function isSignedBy(child: Certificate, key: KeyObject): boolean {
  const algorithm = ALGORITHMS[child.algorithm.toString('hex')];
  return algorithm !== undefined && key.asymmetricKeyType === algorithm.key && verify(algorithm.digest, child.tbs, key, child.signature);
}
