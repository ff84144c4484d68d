import { readTime } from './certificate-time';
import { DerError, DerReader, TAG } from './der';

/** Contents of object identifiers, lower-case hex: the keys of `Certificate.extensions`. */
export const EXTENSION = {
  subjectKeyId: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  authorityKeyId: '551d23',
  extendedKeyUsage: '551d25',
} as const;

/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2), the only one issued here. */
export const ECDSA_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

/** Bits of KeyUsage as the first octet of its BIT STRING holds them (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const;

export interface Extension {
  readonly critical: boolean;
  /** Contents of extnValue. */
  readonly value: Buffer;
}

/** The fields of a version 3 certificate; buffers are views of its bytes. */
export interface Certificate {
  /** What the signature covers. */
  readonly tbs: Buffer;
  /** Contents of the INTEGER: positive, shortest form, at most 20 octets. */
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** AlgorithmIdentifier, equal inside and outside. */
  readonly algorithm: Buffer;
  readonly signature: Buffer;
}

/** Parses one certificate (RFC 5280 §4.1) that fills `der` exactly. Throws DerError on whatever is not strict DER of version 3. */
export function parseCertificate(der: Buffer): Certificate {
  const outer = new DerReader(der);
  const whole = outer.open(TAG.sequence);
  outer.finish();
  const tbs = whole.element(TAG.sequence);
  const algorithm = whole.element(TAG.sequence);
  const signature = bitString(whole.contents(TAG.bitString));
  whole.finish();

  const frame = new DerReader(tbs);
  const body = frame.open(TAG.sequence);
  if (!body.skip(VERSION_3)) throw new DerError('not a version 3 certificate');
  const serial = body.contents(TAG.integer);
  checkSerial(serial);
  if (!body.skip(algorithm)) throw new DerError('the two signature algorithms differ');
  const issuer = body.element(TAG.sequence);
  const validity = body.open(TAG.sequence);
  const notBeforeMs = readTime(validity);
  const notAfterMs = readTime(validity);
  validity.finish();
  const subject = body.element(TAG.sequence);
  const spki = body.element(TAG.sequence);
  const extensions = readExtensions(body.open(0xa3));
  body.finish();
  return { tbs, serial, issuer, notBeforeMs, notAfterMs, subject, spki, extensions, algorithm, signature };
}

const VERSION_3 = Buffer.from('a003020102', 'hex');

function checkSerial(serial: Buffer): void {
  const first = serial[0] ?? 0x80;
  const padded = first === 0 && (serial[1] ?? 0) < 0x80;
  if (first >= 0x80 || padded || serial.length > 20)
    throw new DerError('a serial number that is not positive, shortest and at most 20 octets');
}

function readExtensions(wrapper: DerReader): ReadonlyMap<string, Extension> {
  const list = wrapper.open(TAG.sequence);
  wrapper.finish();
  const extensions = new Map<string, Extension>();
  while (!list.done) {
    const one = list.open(TAG.sequence);
    const oid = one.contents(TAG.oid).toString('hex');
    const critical = one.flag();
    const value = one.contents(TAG.octetString);
    one.finish();
    // RFC 5280 §4.2: two of a kind would let two readers see two different certificates.
    if (extensions.has(oid)) throw new DerError('an extension twice');
    extensions.set(oid, { critical, value });
  }
  return extensions;
}

function bitString(contents: Buffer): Buffer {
  if (contents[0] !== 0) throw new DerError('a BIT STRING with unused bits');
  return contents.subarray(1);
}

/** First octet of KeyUsage, see KEY_USAGE; undefined where the extension is absent. Throws DerError. */
export function keyUsageOf(certificate: Certificate): number | undefined {
  const extension = certificate.extensions.get(EXTENSION.keyUsage);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value);
  const contents = reader.contents(TAG.bitString);
  reader.finish();
  const unused = contents[0] ?? 8;
  const last = contents[contents.length - 1]!;
  // DER: no trailing zero bits, and at least one bit set (RFC 5280 §4.2.1.3); nine bits are defined.
  if (contents.length < 2 || contents.length > 3 || unused > 7 || (last & ((1 << (unused + 1)) - 1)) !== 1 << unused)
    throw new DerError('key usage not in DER');
  return contents[1];
}

export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength: number | undefined;
}

/** BasicConstraints (RFC 5280 §4.2.1.9), or undefined where the extension is absent. Throws DerError. */
export function basicConstraintsOf(certificate: Certificate): BasicConstraints | undefined {
  const extension = certificate.extensions.get(EXTENSION.basicConstraints);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value);
  const body = reader.open(TAG.sequence);
  reader.finish();
  const ca = body.flag();
  const pathLength = body.done ? undefined : smallInteger(body.contents(TAG.integer));
  body.finish();
  if (pathLength !== undefined && !ca) throw new DerError('a path length without CA');
  return { ca, pathLength };
}

function smallInteger(contents: Buffer): number {
  if (contents.length !== 1 || contents[0]! > 127) throw new DerError('an integer beyond 127');
  return contents[0]!;
}

/** GeneralName choices as DER tags them (RFC 5280 §4.2.1.6): a constructed URI, say, is a URI to lax readers and none to strict ones. */
const GENERAL_NAMES: ReadonlySet<number> = new Set([0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88]);
const URI_NAME = 0x86;

/** Every URI among the alternative names, as latin-1 text. Throws DerError. */
export function uriNamesOf(certificate: Certificate): readonly string[] {
  const extension = certificate.extensions.get(EXTENSION.subjectAltName);
  if (!extension) return [];
  const reader = new DerReader(extension.value);
  const names = reader.open(TAG.sequence);
  reader.finish();
  const uris: string[] = [];
  while (!names.done) {
    const tag = names.peek();
    if (!GENERAL_NAMES.has(tag)) throw new DerError('an alternative name that is none');
    const contents = names.contents(tag);
    if (tag === URI_NAME) uris.push(contents.toString('latin1'));
  }
  return uris;
}

/** Contents of SubjectKeyIdentifier, or undefined where absent. Throws DerError. */
export function subjectKeyIdOf(certificate: Certificate): Buffer | undefined {
  const extension = certificate.extensions.get(EXTENSION.subjectKeyId);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value);
  const contents = reader.contents(TAG.octetString);
  reader.finish();
  return contents;
}

/** keyIdentifier of AuthorityKeyIdentifier (RFC 5280 §4.2.1.1), or undefined where absent. Throws DerError. */
export function authorityKeyIdOf(certificate: Certificate): Buffer | undefined {
  const extension = certificate.extensions.get(EXTENSION.authorityKeyId);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value);
  const body = reader.open(TAG.sequence);
  reader.finish();
  return body.peek() === 0x80 ? body.contents(0x80) : undefined;
}
