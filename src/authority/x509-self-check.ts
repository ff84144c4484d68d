import type { KeyObject } from 'node:crypto';
import { hash, verify } from 'node:crypto';
import { readTime } from '../domain/certificate-time';
import { DerError, DerReader, TAG } from '../domain/der';
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
 * Walks a leaf as strict DER and compares every field with its plan and its authority; what the profile fixes is written out here a
 * second time. Of most leaves the signature is not verified: that costs three signatures, and the key was proved at load.
 */
export function x509SelfCheck(issuer: CheckedIssuer): SelfCheck<X509Plan> {
  const keyId = issuer.keyId.toString('hex');
  let seen = 0;
  return (plan, leaf) => {
    if (plan.kind !== 'x509-svid') return 'kind';
    if (plan.authorityKeyId !== keyId) return 'authority';
    if (plan.notAfterMs > issuer.notAfterMs) return 'not after beyond the authority';
    try {
      return difference(issuer, plan, leaf, seen++ % VERIFY_EVERY === 0);
    } catch (error) {
      if (error instanceof DerError) return `not a certificate: ${error.message}`;
      throw error;
    }
  };
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const VERSION_3 = hex('a003020102');
const ECDSA_SHA256 = hex('300a06082a8648ce3d040302');
const EMPTY_SUBJECT = hex('3000');
const KEY_USAGE = hex('300e0603551d0f0101ff040403020780'); // critical, digitalSignature
const EXTENDED_KEY_USAGE = hex('301d0603551d250416301406082b0601050507030106082b06010505070302'); // serverAuth, clientAuth
const BASIC_CONSTRAINTS = hex('300c0603551d130101ff04023000'); // critical, cA left out: false
const AUTHORITY_KEY_ID = hex('301f0603551d23041830168014');
const SUBJECT_KEY_ID = hex('301d0603551d0e04160414');
const SUBJECT_ALT_NAME = hex('0603551d110101ff'); // critical
const KEY_ID_BYTES = 20;

/** Views are avoided on the way: each costs as much as four comparisons. */
function difference(issuer: CheckedIssuer, plan: X509Plan, leaf: Buffer, verifySignature: boolean): string | undefined {
  const reader = new DerReader(leaf);
  if (reader.enter(TAG.sequence) !== leaf.length) return 'length';
  const tbsAt = reader.at;
  const tbsEnd = reader.enter(TAG.sequence);
  if (!reader.skip(VERSION_3)) return 'version';
  if (!skipText(reader, reader.enter(TAG.integer), 'hex', plan.serial)) return 'serial number';
  if (!reader.skip(ECDSA_SHA256)) return 'signature algorithm';
  if (!reader.skip(issuer.name)) return 'issuer';
  const validityEnd = reader.enter(TAG.sequence);
  if (readTime(reader) !== plan.notBeforeMs) return 'not before';
  if (readTime(reader) !== plan.notAfterMs) return 'not after';
  if (reader.at !== validityEnd) return 'validity';
  if (!reader.skip(EMPTY_SUBJECT)) return 'subject';
  if (!reader.skip(P256_SPKI_PREFIX) || !reader.skip(plan.publicKey)) return 'public key';
  if (reader.enter(0xa3) !== tbsEnd || reader.enter(TAG.sequence) !== tbsEnd) return 'extensions';
  const fault = extensionDifference(issuer, plan, reader, tbsEnd);
  if (fault !== undefined) return fault;
  if (!reader.skip(ECDSA_SHA256)) return 'signature algorithm';
  return signatureDifference(reader, issuer.publicKey, verifySignature ? leaf.subarray(tbsAt, tbsEnd) : undefined);
}

function extensionDifference(issuer: CheckedIssuer, plan: X509Plan, reader: DerReader, tbsEnd: number): string | undefined {
  if (!reader.skip(KEY_USAGE)) return 'key usage';
  if (!reader.skip(EXTENDED_KEY_USAGE)) return 'extended key usage';
  if (!reader.skip(BASIC_CONSTRAINTS)) return 'basic constraints';
  if (!reader.skip(AUTHORITY_KEY_ID) || !reader.skip(issuer.keyId)) return 'authority key identifier';
  const keyId = hash('sha1', plan.publicKey, 'binary');
  if (!reader.skip(SUBJECT_KEY_ID) || !skipText(reader, reader.at + KEY_ID_BYTES, 'latin1', keyId)) return 'subject key identifier';
  // Every frame ends where the certificate's body does: there is one name, and nothing behind it.
  if (reader.enter(TAG.sequence) !== tbsEnd || !reader.skip(SUBJECT_ALT_NAME)) return 'alternative names';
  if (reader.enter(TAG.octetString) !== tbsEnd || reader.enter(TAG.sequence) !== tbsEnd) return 'alternative names';
  if (reader.enter(0x86) !== tbsEnd || !skipText(reader, tbsEnd, 'latin1', plan.spiffeId)) return 'SPIFFE ID';
  return undefined;
}

/** Two integers in a sequence that end where the leaf ends (RFC 3279 §2.2.3), verified where `tbs` is given. */
function signatureDifference(reader: DerReader, publicKey: KeyObject, tbs: Buffer | undefined): string | undefined {
  const { bytes } = reader;
  if (reader.enter(TAG.bitString) !== bytes.length || bytes[reader.at++] !== 0) return 'signature';
  const at = reader.at;
  if (reader.enter(TAG.sequence) !== bytes.length) return 'signature';
  reader.at = reader.enter(TAG.integer);
  if (reader.enter(TAG.integer) !== bytes.length) return 'signature';
  return tbs === undefined || verify('sha256', tbs, publicKey, bytes.subarray(at)) ? undefined : 'signature';
}

/** Steps to `end` where the bytes up to there read as `text`. */
function skipText(reader: DerReader, end: number, encoding: 'hex' | 'latin1', text: string): boolean {
  if (end > reader.end || reader.bytes.toString(encoding, reader.at, end) !== text) return false;
  reader.at = end;
  return true;
}
