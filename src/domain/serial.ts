import type { Random } from './ports';

/**
 * A fresh serial number or `jti`: 32 lower-case hex digits with 126 random bits. The first octet is 0x40 to 0x7f, so that as a DER
 * INTEGER it is positive and always takes 16 octets (RFC 5280 §4.1.2.2).
 */
export function newSerial(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** True for text of the form that `newSerial` gives. */
export const isSerial = (text: string): boolean => /^[4-7][0-9a-f]{31}$/.test(text);
