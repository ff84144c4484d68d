import type { Random } from './ports';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A UUID version 7 (RFC 9562 §5.7): sorts by its time, 74 random bits. */
export function newId(random: Random, nowMs: number): string {
  const bytes = random.bytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Ten Crockford base32 characters (50 random bits) that a person can read out to find a refusal again. */
export function newReference(random: Random): string {
  return [...random.bytes(10)].map((byte) => CROCKFORD[byte & 31]).join('');
}

/** Lower-case base32 suffix of `length` random characters, without letters that read as digits. */
export function newSuffix(random: Random, length: number): string {
  return [...random.bytes(length)].map((byte) => CROCKFORD[byte & 31]!.toLowerCase()).join('');
}
