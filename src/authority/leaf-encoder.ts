import type { KeyObject } from 'node:crypto';
import { hash, sign } from 'node:crypto';
import { ECDSA_SHA256, EXTENSION } from '../domain/certificate';
import { encodeTime, isEncodableTime } from '../domain/certificate-time';
import { headerBytes, TAG, tlv, writeHeader } from '../domain/der';
import { MandateError } from '../domain/errors';
import type { Signer, X509Plan } from '../domain/issuance';
import { P256_POINT_BYTES, P256_SPKI_PREFIX } from '../domain/p256';
import { isSerial } from '../domain/serial';
import { encodedExtension } from './extension';

/** Whom a leaf is issued by. */
export interface Issuer {
  readonly key: KeyObject;
  /** Subject of the authority's certificate, DER: copied byte for byte into the issuer field (XL-13). */
  readonly name: Buffer;
  /** SubjectKeyIdentifier of the authority, 20 bytes. */
  readonly keyId: Buffer;
}

const TBS_AT = 4; // room for the outer header: a leaf is always between 256 bytes and 64 KiB
const MAX_URI_BYTES = 2048;
const VERSION_AND_SERIAL_HEADER = Buffer.from('a0030201020210', 'hex');
const EMPTY_SUBJECT = Buffer.from('3000', 'hex');
const SERIAL_BYTES = 16;
const KEY_ID_BYTES = 20;
const SAN_OID = tlv(TAG.oid, Buffer.from(EXTENSION.subjectAltName, 'hex'));
const CRITICAL = Buffer.from('0101ff', 'hex');
const SKI_HEADER = Buffer.from('301d0603551d0e04160414', 'hex');

/**
 * Signs X509-SVIDs by filling a DER template: what never changes between two leaves of one authority is encoded once. The profile is
 * that of the X509-SVID standard: empty subject, one critical URI SAN, critical digitalSignature, serverAuth and clientAuth, critical
 * empty BasicConstraints, both key identifiers. The tests hold every byte equal to what @peculiar/x509 encodes.
 *
 * Not reentrant within one call, which being synchronous it never is: all leaves are built in one scratch buffer.
 */
export class LeafEncoder implements Signer<X509Plan> {
  readonly #key: KeyObject;
  readonly #algorithmAndIssuer: Buffer;
  readonly #extensions: Buffer;
  readonly #scratch = Buffer.allocUnsafeSlow(8192);
  readonly #times = new Map<number, Buffer>();

  constructor(issuer: Issuer) {
    this.#key = issuer.key;
    this.#algorithmAndIssuer = Buffer.concat([ECDSA_SHA256, issuer.name]);
    this.#extensions = Buffer.concat([
      encodedExtension(EXTENSION.keyUsage, true, Buffer.from('03020780', 'hex')),
      encodedExtension(EXTENSION.extendedKeyUsage, false, Buffer.from('301406082b0601050507030106082b06010505070302', 'hex')),
      encodedExtension(EXTENSION.basicConstraints, true, EMPTY_SUBJECT),
      encodedExtension(EXTENSION.authorityKeyId, false, tlv(TAG.sequence, tlv(0x80, issuer.keyId))),
      SKI_HEADER,
    ]);
  }

  /** DER of the leaf. Throws E_INTERNAL for a plan that has no exact encoding. */
  sign(plan: X509Plan): Buffer {
    const b = this.#scratch;
    const tbsEnd = this.#writeTbs(plan);
    // The bare KeyObject: an options object costs Node 24 another 9 µs.
    const signature = sign('sha256', b.subarray(TBS_AT, tbsEnd), this.#key);
    let at = tbsEnd;
    at = put(b, at, ECDSA_SHA256);
    at = writeHeader(b, at, TAG.bitString, signature.length + 1);
    b[at++] = 0;
    at = put(b, at, signature);
    writeHeader(b, 0, TAG.sequence, at - TBS_AT);
    const leaf = Buffer.allocUnsafe(at);
    b.copy(leaf, 0, 0, at);
    return leaf;
  }

  /** The part that the signature covers, for comparison with another encoder. */
  tbs(plan: X509Plan): Buffer {
    return Buffer.from(this.#scratch.subarray(TBS_AT, this.#writeTbs(plan)));
  }

  #writeTbs(plan: X509Plan): number {
    checkEncodable(plan);
    const b = this.#scratch;
    const notBefore = this.#time(plan.notBeforeMs);
    const notAfter = this.#time(plan.notAfterMs);
    const fixed = this.#extensions;

    // Lengths from the inside out, since DER writes them in front.
    const validity = notBefore.length + notAfter.length;
    const uri = plan.spiffeId.length;
    const names = headerBytes(uri) + uri;
    const value = headerBytes(names) + names;
    const san = SAN_OID.length + CRITICAL.length + headerBytes(value) + value;
    const list = fixed.length + KEY_ID_BYTES + headerBytes(san) + san;
    const wrapped = headerBytes(list) + list;
    const spki = P256_SPKI_PREFIX.length + P256_POINT_BYTES;
    const head = VERSION_AND_SERIAL_HEADER.length + SERIAL_BYTES + this.#algorithmAndIssuer.length;
    const body = head + 2 + validity + EMPTY_SUBJECT.length + spki + headerBytes(wrapped) + wrapped;
    if (TBS_AT + 4 + body > b.length - 128) throw unsignable(`a certificate of ${body} bytes`);

    let at = writeHeader(b, TBS_AT, TAG.sequence, body);
    at = put(b, at, VERSION_AND_SERIAL_HEADER);
    at += b.write(plan.serial, at, 'hex');
    at = put(b, at, this.#algorithmAndIssuer);
    at = writeHeader(b, at, TAG.sequence, validity);
    at = put(b, at, notBefore);
    at = put(b, at, notAfter);
    at = put(b, at, EMPTY_SUBJECT);
    at = put(b, at, P256_SPKI_PREFIX);
    at = put(b, at, plan.publicKey);
    at = writeHeader(b, at, 0xa3, wrapped);
    at = writeHeader(b, at, TAG.sequence, list);
    at = put(b, at, fixed);
    // RFC 5280 §4.2.1.2, method 1. As latin-1 text a digest costs a third of what it costs as a Buffer.
    at += b.write(hash('sha1', plan.publicKey, 'binary'), at, 'latin1');
    at = writeHeader(b, at, TAG.sequence, san);
    at = put(b, at, SAN_OID);
    at = put(b, at, CRITICAL); // RFC 5280 §4.2.1.6: with an empty subject the SAN is critical
    at = writeHeader(b, at, TAG.octetString, value);
    at = writeHeader(b, at, TAG.sequence, names);
    at = writeHeader(b, at, 0x86, uri);
    return at + b.write(plan.spiffeId, at, 'latin1');
  }

  /** Leaves of one second share their dates. */
  #time(ms: number): Buffer {
    const known = this.#times.get(ms);
    if (known) return known;
    const encoded = encodeTime(ms);
    if (this.#times.size >= 512) this.#times.clear();
    this.#times.set(ms, encoded);
    return encoded;
  }
}

/** A last look before bytes are written: text outside ASCII or a short key would be encoded as something else, silently. */
function checkEncodable(plan: X509Plan): void {
  if (!isSerial(plan.serial)) throw unsignable('a serial number of another form');
  if (plan.publicKey.length !== P256_POINT_BYTES || plan.publicKey[0] !== 4) throw unsignable('a public key of another form');
  if (plan.spiffeId.length > MAX_URI_BYTES || !/^spiffe:\/\/[a-z0-9._-]+\/[A-Za-z0-9._/-]+$/.test(plan.spiffeId))
    throw unsignable('a SPIFFE ID of another form');
  const { notBeforeMs, notAfterMs } = plan;
  if (!isEncodableTime(notBeforeMs) || !isEncodableTime(notAfterMs)) throw unsignable('a date that is not a whole second');
  if (notBeforeMs > notAfterMs) throw unsignable('an end before the beginning');
}

const unsignable = (saw: string): MandateError =>
  new MandateError('E_INTERNAL', { saw, why: 'an X509-SVID is signed as planned or not at all' });

function put(out: Buffer, at: number, bytes: Buffer): number {
  out.set(bytes, at);
  return at + bytes.length;
}
