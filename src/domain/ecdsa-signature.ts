import { DerError, DerReader, TAG } from './der';

const COORDINATE_BYTES = 32;

/**
 * A P-256 signature in DER (RFC 3279 §2.2.3) as JWS wants it: R and S side by side, 64 bytes (RFC 7518 §3.4). Throws DerError where it is no two integers that fit.
 */
export function p1363Signature(der: Buffer): Buffer {
  const reader = new DerReader(der);
  const pair = reader.open(TAG.sequence);
  reader.finish();
  const raw = Buffer.alloc(2 * COORDINATE_BYTES);
  for (const end of [COORDINATE_BYTES, 2 * COORDINATE_BYTES]) {
    const octets = pair.contents(TAG.integer);
    // One octet more where the first bit of the number is set: it would read as a sign.
    const number = octets[0] === 0 ? octets.subarray(1) : octets;
    if (number.length > COORDINATE_BYTES) throw new DerError('a number of more than 32 octets');
    raw.set(number, end - number.length);
  }
  pair.finish();
  return raw;
}
