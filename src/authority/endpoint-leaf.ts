import type { KeyObject } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { publicKeySha256 } from '../domain/p256';
import { pem } from '../domain/pem';
import { isSerial } from '../domain/serial';
import { makeCertificate } from './certificate-maker';
import { generateAuthorityKey } from './key-pair';
import type { Root } from './root-certificate';
import type { SigningKey } from './signing-key';

/** What the server's HTTPS endpoint needs to be called. */
export interface EndpointWish {
  readonly serial: string;
  readonly notBeforeMs: number;
  /** Cut to the end of the authority. */
  readonly notAfterMs: number;
  /** Names beside `localhost`. */
  readonly hostnames: readonly string[];
}

/** The endpoint's certificate and key. The key is made here, lives in memory only and goes with the process. */
export interface EndpointLeaf {
  readonly spiffeId: string;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKeySha256: string;
  readonly certificate: Buffer;
  readonly certificatePem: string;
  readonly key: KeyObject;
}

const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Issues the endpoint's leaf: an X509-SVID of `/mandate/server` that also answers to loopback and the given host names. */
export async function issueEndpointLeaf(root: Root, rootKey: SigningKey, trustDomain: string, wish: EndpointWish): Promise<EndpointLeaf> {
  if (!isSerial(wish.serial)) throw new MandateError('E_INTERNAL', { saw: 'a serial number of another form' });
  const { key, point } = generateAuthorityKey();
  const spiffeId = `spiffe://${trustDomain}/mandate/server`;
  const notAfterMs = Math.min(wish.notAfterMs, root.certificate.notAfterMs);
  // A name that DNS would not carry is left out: the machine may be called anything.
  const hostnames = wish.hostnames.map((name) => name.toLowerCase()).filter((name) => HOSTNAME.test(name));
  const certificate = await makeCertificate({
    serial: wish.serial,
    subject: null,
    issuer: root.certificate.subject,
    notBeforeMs: wish.notBeforeMs,
    notAfterMs,
    publicKey: point,
    signingKey: rootKey,
    authorityPoint: root.point,
    role: 'leaf',
    uri: spiffeId,
    dnsNames: [...new Set(['localhost', ...hostnames])],
    ipAddresses: ['127.0.0.1', '::1'],
  });
  return {
    spiffeId,
    serial: wish.serial,
    notBeforeMs: wish.notBeforeMs,
    notAfterMs,
    publicKeySha256: publicKeySha256(point),
    certificate,
    certificatePem: pem('CERTIFICATE', certificate),
    key,
  };
}
