import type { DerReader } from './der';
import { DerError, TAG, tlv } from './der';

/**
 * A certificate date in DER from whole seconds (milliseconds since the epoch): UTCTime up to 2049, GeneralizedTime from 2050
 * (RFC 5280 §4.1.2.5). Throws DerError for a moment that has no such form.
 */
export function encodeTime(ms: number): Buffer {
  if (!isEncodableTime(ms)) throw new DerError('not a whole second of 1970 to 9999');
  const text = new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, '') + 'Z';
  return ms < FROM_2050_MS ? tlv(TAG.utcTime, Buffer.from(text.slice(2), 'latin1')) : tlv(TAG.generalizedTime, Buffer.from(text, 'latin1'));
}

/** True for a whole second of 1970 to 9999. */
export const isEncodableTime = (ms: number): boolean => Number.isSafeInteger(ms) && ms % 1000 === 0 && ms >= 0 && ms <= MAX_MS;

/** Reads a certificate date; milliseconds since the epoch. Throws DerError on every other form than the one above. */
export function readTime(reader: DerReader): number {
  const general = reader.peek() === TAG.generalizedTime;
  const end = reader.enter(general ? TAG.generalizedTime : TAG.utcTime);
  const { bytes, at } = reader;
  if (end - at !== (general ? 15 : 13) || bytes[end - 1] !== 0x5a) throw new DerError('a date without the form of RFC 5280');
  const short = twoDigits(bytes, general ? at + 2 : at);
  const year = general ? twoDigits(bytes, at) * 100 + short : short + (short < 50 ? 2000 : 1900);
  const rest = end - 11;
  const month = twoDigits(bytes, rest);
  const day = twoDigits(bytes, rest + 2);
  const ms = Date.UTC(year, month - 1, day, twoDigits(bytes, rest + 4), twoDigits(bytes, rest + 6), twoDigits(bytes, rest + 8));
  const date = new Date(ms);
  // Date.UTC rolls 31 February over into March, and takes years below 100 for the 20th century.
  if (!isClock(bytes, rest + 4) || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || general !== year >= 2050)
    throw new DerError('a date that is none');
  reader.at = end;
  return ms;
}

const FROM_2050_MS = Date.UTC(2050, 0, 1);
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

function twoDigits(bytes: Buffer, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw new DerError('a date with something else than digits');
  return tens * 10 + ones;
}

const isClock = (bytes: Buffer, at: number): boolean =>
  twoDigits(bytes, at) < 24 && twoDigits(bytes, at + 2) < 60 && twoDigits(bytes, at + 4) < 60;
