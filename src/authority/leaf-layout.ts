import { ECDSA_SHA256, EXTENSION } from '../domain/certificate';
import { headerBytes, TAG, tlv, writeHeader } from '../domain/der';
import { P256_POINT_BYTES, P256_SPKI_PREFIX } from '../domain/p256';
import { encodedExtension } from './extension';

/** What of an authority stands in each of its leaves. */
export interface IssuerNames {
  /** Subject of the authority's certificate, DER: copied byte for byte into the issuer field (XL-13). */
  readonly name: Buffer;
  /** SubjectKeyIdentifier of the authority, 20 bytes. */
  readonly keyId: Buffer;
}

/** Sizes that move everything behind them; two leaves that share them differ only in the holes. */
export interface LeafSizes {
  readonly uri: number;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A leaf without its signature, complete but for holes at the given offsets. */
export interface LeafLayout {
  /** Room for the whole leaf; the first four bytes await the outer header. */
  readonly bytes: Buffer;
  /** View of what the signature covers. */
  readonly tbs: Buffer;
  readonly serialAt: number;
  readonly datesAt: number;
  readonly pointAt: number;
  readonly keyIdAt: number;
  readonly uriAt: number;
  readonly tbsEnd: number;
}

/** Where the body starts: its outer header always takes four bytes, since a leaf has between 256 bytes and 64 KiB. */
export const TBS_AT = 4;
export const SERIAL_BYTES = 16;
export const KEY_ID_BYTES = 20;
/** Header, algorithm and the longest signature of P-256. */
const ROOM_BEHIND_TBS = 128;

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const EMPTY = hex('3000');
const VERSION_3 = hex('a003020102');
const SERIAL_HEADER = hex('0210');
const SKI_HEADER = hex('301d0603551d0e04160414');

/**
 * Lays out an X509-SVID (X509-SVID §2 to §4): empty subject, critical digitalSignature, serverAuth and clientAuth, critical empty
 * BasicConstraints (cA is false by default, and DER leaves defaults out), both key identifiers, one URI as critical alternative name.
 */
export function layOut(issuer: IssuerNames, sizes: LeafSizes): LeafLayout {
  const dates = sizes.notBefore + sizes.notAfter;
  const beforeSerial = Buffer.concat([VERSION_3, SERIAL_HEADER]);
  const beforeDates = Buffer.concat([ECDSA_SHA256, issuer.name, header(TAG.sequence, dates)]);
  const fixed = Buffer.concat([
    encodedExtension(EXTENSION.keyUsage, true, hex('03020780')),
    encodedExtension(EXTENSION.extendedKeyUsage, false, hex('301406082b0601050507030106082b06010505070302')),
    encodedExtension(EXTENSION.basicConstraints, true, EMPTY),
    encodedExtension(EXTENSION.authorityKeyId, false, tlv(TAG.sequence, tlv(0x80, issuer.keyId))),
    SKI_HEADER,
  ]);
  const beforeUri = altNameHead(sizes.uri);
  const list = fixed.length + KEY_ID_BYTES + beforeUri.length + sizes.uri;
  const listHeader = header(TAG.sequence, list);
  const afterPoint = Buffer.concat([header(0xa3, listHeader.length + list), listHeader, fixed]);
  const beforePoint = Buffer.concat([EMPTY, P256_SPKI_PREFIX]);

  const holes = [
    [beforeSerial, SERIAL_BYTES],
    [beforeDates, dates],
    [beforePoint, P256_POINT_BYTES],
    [afterPoint, KEY_ID_BYTES],
    [beforeUri, sizes.uri],
  ] as const;
  const body = holes.reduce((sum, [text, hole]) => sum + text.length + hole, 0);
  const tbsEnd = TBS_AT + headerBytes(body) + body;
  const bytes = Buffer.alloc(tbsEnd + ROOM_BEHIND_TBS);
  let at = writeHeader(bytes, TBS_AT, TAG.sequence, body);
  const [serialAt, datesAt, pointAt, keyIdAt, uriAt] = holes.map(([text, hole]) => {
    const holeAt = at + text.copy(bytes, at);
    at = holeAt + hole;
    return holeAt;
  }) as [number, number, number, number, number];
  return { bytes, tbs: bytes.subarray(TBS_AT, tbsEnd), serialAt, datesAt, pointAt, keyIdAt, uriAt, tbsEnd };
}

function header(tag: number, length: number): Buffer {
  const out = Buffer.alloc(headerBytes(length));
  writeHeader(out, 0, tag, length);
  return out;
}

/** The alternative names up to the URI: with an empty subject they are critical (RFC 5280 §4.2.1.6). */
function altNameHead(uri: number): Buffer {
  const uriHeader = header(0x86, uri);
  const names = header(TAG.sequence, uriHeader.length + uri);
  const value = names.length + uriHeader.length + uri;
  const head = Buffer.concat([hex('0603551d110101ff'), header(TAG.octetString, value), names, uriHeader]);
  return Buffer.concat([header(TAG.sequence, head.length + uri), head]);
}
