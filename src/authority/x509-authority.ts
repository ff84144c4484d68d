import { createPublicKey } from 'node:crypto';
import type { SelfCheck, Signer, X509Plan } from '../domain/issuance';
import type { EndpointLeaf, EndpointWish } from './endpoint-leaf';
import { issueEndpointLeaf } from './endpoint-leaf';
import { checkKeyPair } from './key-pair';
import { LeafEncoder } from './leaf-encoder';
import type { Root } from './root-certificate';
import { readRoot } from './root-certificate';
import type { SigningKey } from './signing-key';
import { StoppableSigner } from './stoppable-signer';
import { x509SelfCheck } from './x509-self-check';

/** An X.509 authority with its key: signs X509-SVIDs, and shows what everyone may see. */
export interface X509Authority {
  /** Hex of the subject key identifier. */
  readonly keyId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly certificate: Buffer;
  readonly signer: Signer<X509Plan>;
  readonly check: SelfCheck<X509Plan>;
  /** A TLS leaf for the server's own HTTPS endpoint; the caller records it like any credential before it uses it. */
  endpointLeaf(wish: EndpointWish): Promise<EndpointLeaf>;
  /** From here on it signs nothing, also not for requests that hold it: it is tainted. */
  stop(): void;
}

/**
 * Joins a stored certificate and what signs with its key. Throws E_INTEGRITY for a certificate that is not a root of this trust domain and
 * E_KEY_FILE for a key that is not its key.
 */
export function openX509Authority(der: Buffer, key: SigningKey, trustDomain: string): X509Authority {
  const root: Root = readRoot(der, trustDomain);
  const { certificate, keyId } = root;
  const publicKey = createPublicKey({ key: certificate.spki, format: 'der', type: 'spki' });
  checkKeyPair(key, publicKey, `X.509 authority ${keyId.toString('hex')}`);
  const issuer = { key, name: certificate.subject, keyId };
  const signer = new StoppableSigner(new LeafEncoder(issuer));
  return Object.freeze<X509Authority>({
    keyId: keyId.toString('hex'),
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
    certificate: der,
    signer,
    check: x509SelfCheck({ ...issuer, publicKey, notAfterMs: certificate.notAfterMs }),
    endpointLeaf: async (wish) => {
      signer.assertNotStopped();
      return signer.stillGoing(issueEndpointLeaf(root, key, trustDomain, wish));
    },
    stop: () => signer.stop(),
  });
}
