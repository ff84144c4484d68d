/** Longest value of a selector, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 4096;

const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const HOSTILE = /[\p{Cc}\\]/gu;

/**
 * A name from the file system as text that is always well formed and shows every byte it has. `latin1` holds the bytes, one per
 * character. What is valid UTF-8 stays; control characters and bytes that are no UTF-8 become `\xNN`, and a backslash is doubled,
 * so that no two names give one text.
 */
export function fileText(latin1: string): string {
  if (PLAIN.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    const piece = bytes.subarray(at, at + Math.max(1, length));
    text += length === 0 ? hex(piece) : piece.toString('utf8').replace(HOSTILE, (c) => (c === '\\' ? '\\\\' : hex(Buffer.from(c))));
    at += piece.length;
  }
  return text;
}

const hex = (bytes: Buffer): string => [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

/** Bytes of the well-formed sequence (Unicode 3.9, table 3-7) that starts at `at`; 0 where none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at]!;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) {
    const [low, high] = i === 1 ? secondByte(lead) : [0x80, 0xbf];
    if (bytes[at + i]! < low || bytes[at + i]! > high) return 0;
  }
  return length;
}

/** Shortest forms only, no surrogates, nothing above U+10FFFF. */
function secondByte(lead: number): readonly [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  if (lead === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}
