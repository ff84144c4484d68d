import type { KeyObject } from 'node:crypto';
import { hash, verify } from 'node:crypto';
import type { Certificate } from '../domain/certificate';
import { ECDSA_SHA256, EXTENSION, parseCertificate } from '../domain/certificate';
import { DerError } from '../domain/der';
import type { SelfCheck, X509Plan } from '../domain/issuance';
import { P256_SPKI_PREFIX } from '../domain/p256';

/** What the check knows of the authority; taken from its certificate, not from the encoder. */
export interface CheckedIssuer {
  readonly name: Buffer;
  readonly keyId: Buffer;
  readonly publicKey: KeyObject;
  readonly notAfterMs: number;
}

/** Every so many leaves the signature is verified too, beginning with the first: it shows a broken key or library, no single fault. */
const VERIFY_EVERY = 1024;

/**
 * Reads a leaf back, strictly, and compares every field with its plan and its authority. It shares the DER grammar with no encoder.
 * Of most leaves the signature is not verified: that costs three signatures, and the key was proved at load.
 */
export function x509SelfCheck(issuer: CheckedIssuer): SelfCheck<X509Plan> {
  const keyId = issuer.keyId.toString('hex');
  let seen = 0;
  return (plan, encoded) => {
    if (plan.authorityKeyId !== keyId) return 'authority';
    try {
      const leaf = parseCertificate(encoded);
      if (seen++ % VERIFY_EVERY === 0 && !verify('sha256', leaf.tbs, issuer.publicKey, leaf.signature)) return 'signature';
      return difference(issuer, plan, leaf);
    } catch (error) {
      if (error instanceof DerError) return `not a certificate: ${error.message}`;
      throw error;
    }
  };
}

const EMPTY_SEQUENCE = Buffer.from('3000', 'hex');
const DIGITAL_SIGNATURE = Buffer.from('03020780', 'hex');
const SERVER_AND_CLIENT = Buffer.from('301406082b0601050507030106082b06010505070302', 'hex');
const AKI_HEADER = Buffer.from('30168014', 'hex');
const SKI_HEADER = Buffer.from('0414', 'hex');

function difference(issuer: CheckedIssuer, plan: X509Plan, leaf: Certificate): string | undefined {
  if (plan.kind !== 'x509-svid') return 'kind';
  if (leaf.serial.toString('hex') !== plan.serial) return 'serial number';
  if (!leaf.algorithm.equals(ECDSA_SHA256)) return 'signature algorithm';
  if (!leaf.issuer.equals(issuer.name)) return 'issuer';
  if (leaf.notBeforeMs !== plan.notBeforeMs) return 'not before';
  if (leaf.notAfterMs !== plan.notAfterMs) return 'not after';
  if (leaf.notAfterMs > issuer.notAfterMs) return 'not after beyond the authority';
  if (!leaf.subject.equals(EMPTY_SEQUENCE)) return 'subject';
  if (!isJoined(leaf.spki, P256_SPKI_PREFIX, plan.publicKey)) return 'public key';
  if (leaf.signature.length < 8 || leaf.signature.length > 72 || leaf.signature[0] !== 0x30) return 'signature';
  return extensionDifference(issuer, plan, leaf);
}

function extensionDifference(issuer: CheckedIssuer, plan: X509Plan, leaf: Certificate): string | undefined {
  const { extensions } = leaf;
  if (extensions.size !== 6) return 'number of extensions';
  const is = (oid: string, critical: boolean, matches: (value: Buffer) => boolean): boolean => {
    const extension = extensions.get(oid);
    return extension?.critical === critical && matches(extension.value);
  };
  if (!is(EXTENSION.keyUsage, true, (v) => v.equals(DIGITAL_SIGNATURE))) return 'key usage';
  if (!is(EXTENSION.extendedKeyUsage, false, (v) => v.equals(SERVER_AND_CLIENT))) return 'extended key usage';
  if (!is(EXTENSION.basicConstraints, true, (v) => v.equals(EMPTY_SEQUENCE))) return 'basic constraints';
  if (!is(EXTENSION.authorityKeyId, false, (v) => isJoined(v, AKI_HEADER, issuer.keyId))) return 'authority key identifier';
  const keyId = hash('sha1', plan.publicKey, 'binary');
  if (!is(EXTENSION.subjectKeyId, false, (v) => startsWith(v, SKI_HEADER) && v.toString('latin1', SKI_HEADER.length) === keyId))
    return 'subject key identifier';
  if (!is(EXTENSION.subjectAltName, true, (v) => isOnlyUri(v, plan.spiffeId))) return 'SPIFFE ID';
  return undefined;
}

/** True where the alternative names are exactly this one URI. The lengths follow from it, so only one encoding passes. */
function isOnlyUri(value: Buffer, uri: string): boolean {
  const at = value.length - uri.length;
  if (value.toString('latin1', Math.max(0, at)) !== uri) return false;
  const inner = lengthOctets(uri.length);
  const outer = lengthOctets(1 + inner.length + uri.length);
  const header = [0x30, ...outer, 0x86, ...inner];
  return at === header.length && header.every((octet, i) => value[i] === octet);
}

const lengthOctets = (length: number): number[] =>
  length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];

const startsWith = (value: Buffer, head: Buffer): boolean =>
  value.length >= head.length && value.compare(head, 0, head.length, 0, head.length) === 0;

const isJoined = (value: Buffer, head: Buffer, tail: Buffer): boolean =>
  value.length === head.length + tail.length &&
  startsWith(value, head) &&
  value.compare(tail, 0, tail.length, head.length, value.length) === 0;
