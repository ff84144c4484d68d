import { hash } from 'node:crypto';
import { ECDSA_SHA256 } from '../domain/certificate';
import { encodeTime, isEncodableTime } from '../domain/certificate-time';
import { TAG, writeHeader } from '../domain/der';
import { MandateError } from '../domain/errors';
import type { Signer, X509Plan } from '../domain/issuance';
import { P256_POINT_BYTES } from '../domain/p256';
import { isSerial } from '../domain/serial';
import type { IssuerNames, LeafLayout } from './leaf-layout';
import { layOut, TBS_AT } from './leaf-layout';
import type { SigningKey } from './signing-key';

/** Whom a leaf is issued by. */
export interface Issuer extends IssuerNames {
  readonly key: SigningKey;
}

const MAX_URI_BYTES = 2048;
const MAX_LAYOUTS = 64;
const MAX_TIMES = 512;

/**
 * Signs X509-SVIDs by filling the holes of a prepared layout: what does not change between two leaves of one authority is encoded once.
 * The tests hold every byte equal to what @peculiar/x509 encodes.
 *
 * All leaves of one layout are built in the same bytes, which is safe because building one never yields: while a signature is made elsewhere, its leaf
 * waits in a copy of its own.
 */
export class LeafEncoder implements Signer<X509Plan> {
  readonly #issuer: Issuer;
  readonly #layouts = new Map<number, LeafLayout>();
  readonly #times = new Map<number, Buffer>();

  constructor(issuer: Issuer) {
    this.#issuer = issuer;
  }

  /** DER of the leaf; a promise where the key signs elsewhere. Throws E_INTERNAL for a plan that has no exact encoding. */
  sign(plan: X509Plan): Buffer | Promise<Buffer> {
    const { bytes, tbs, tbsEnd } = this.#fill(plan);
    const signature = this.#issuer.key.sign(tbs);
    if (!(signature instanceof Promise)) return withSignature(bytes, tbsEnd, signature);
    const own = Buffer.from(bytes);
    return signature.then((made) => withSignature(own, tbsEnd, made));
  }

  /** The part that the signature covers, for comparison with another encoder. */
  tbs(plan: X509Plan): Buffer {
    return Buffer.from(this.#fill(plan).tbs);
  }

  #fill(plan: X509Plan): LeafLayout {
    checkEncodable(plan);
    const notBefore = this.#time(plan.notBeforeMs);
    const notAfter = this.#time(plan.notAfterMs);
    const layout = this.#layout(plan.spiffeId.length, notBefore.length, notAfter.length);
    const { bytes } = layout;
    bytes.write(plan.serial, layout.serialAt, 'hex');
    put(bytes, put(bytes, layout.datesAt, notBefore), notAfter);
    put(bytes, layout.pointAt, plan.publicKey);
    // RFC 5280 §4.2.1.2, method 1. As latin-1 text a digest costs a third of what it costs as a Buffer.
    bytes.write(hash('sha1', plan.publicKey, 'binary'), layout.keyIdAt, 'latin1');
    bytes.write(plan.spiffeId, layout.uriAt, 'latin1');
    return layout;
  }

  #layout(uri: number, notBefore: number, notAfter: number): LeafLayout {
    const key = (uri * 32 + notBefore) * 32 + notAfter;
    const known = this.#layouts.get(key);
    if (known) return known;
    const made = layOut(this.#issuer, { uri, notBefore, notAfter });
    if (this.#layouts.size >= MAX_LAYOUTS) this.#layouts.clear();
    this.#layouts.set(key, made);
    return made;
  }

  /** Leaves of one second share their dates. */
  #time(ms: number): Buffer {
    const known = this.#times.get(ms);
    if (known) return known;
    const encoded = encodeTime(ms);
    if (this.#times.size >= MAX_TIMES) this.#times.clear();
    this.#times.set(ms, encoded);
    return encoded;
  }
}

const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]+\/[A-Za-z0-9._/-]+$/;

/** A last look before bytes are written: text outside ASCII or a short key would be encoded as something else, silently. */
function checkEncodable({ serial, publicKey, spiffeId, notBeforeMs, notAfterMs }: X509Plan): void {
  if (!isSerial(serial)) throw unsignable('a serial number of another form');
  if (publicKey.length !== P256_POINT_BYTES || publicKey[0] !== 4) throw unsignable('a public key of another form');
  if (spiffeId.length > MAX_URI_BYTES || !SPIFFE_ID.test(spiffeId)) throw unsignable('a SPIFFE ID of another form');
  if (!isEncodableTime(notBeforeMs) || !isEncodableTime(notAfterMs)) throw unsignable('a date that is not a whole second');
  if (notBeforeMs > notAfterMs) throw unsignable('an end before the beginning');
}

const unsignable = (saw: string): MandateError =>
  new MandateError('E_INTERNAL', { saw, why: 'an X509-SVID is signed as planned or not at all' });

/** The whole leaf in bytes of its own; `bytes` holds what the signature covers and has room for the rest. */
function withSignature(bytes: Buffer, tbsEnd: number, signature: Buffer): Buffer {
  let at = put(bytes, tbsEnd, ECDSA_SHA256);
  at = writeHeader(bytes, at, TAG.bitString, signature.length + 1);
  bytes[at++] = 0;
  at = put(bytes, at, signature);
  writeHeader(bytes, 0, TAG.sequence, at - TBS_AT);
  const leaf = Buffer.allocUnsafe(at);
  bytes.copy(leaf, 0, 0, at);
  return leaf;
}

function put(out: Buffer, at: number, bytes: Buffer): number {
  out.set(bytes, at);
  return at + bytes.length;
}
