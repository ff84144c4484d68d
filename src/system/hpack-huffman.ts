import { HpackError } from './hpack-error';

/** Bits in the code of each byte, 32 to a line, and last in the code that ends a string (RFC 7541, Appendix B). The code is canonical, so nothing else is to be known. */
const LENGTHS = `
  13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
  6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
  13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
  15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
  20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
  22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
  26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
  20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
  30`
  .trim()
  .split(/\s+/)
  .map(Number);
const END = 256;
const LONGEST = 30;

/** By number of bits: the first code of that many, and the symbols that have one, in order. */
interface Codes {
  readonly first: number;
  readonly symbols: readonly number[];
}

const CODES: readonly Codes[] = canonical();

function canonical(): readonly Codes[] {
  const codes: Codes[] = [];
  let first = 0;
  for (let bits = 0; bits <= LONGEST; bits++) {
    const symbols = LENGTHS.flatMap((length, symbol) => (length === bits ? [symbol] : []));
    codes.push({ first, symbols });
    first = (first + symbols.length) << 1;
  }
  return codes;
}

/** The bytes of a coded string, at most `most` of them. Throws HpackError where it is no such string (RFC 7541 §5.2). */
export function huffmanDecoded(coded: Buffer, most: number): Buffer {
  const bytes: number[] = [];
  let [code, bits] = [0, 0];
  for (const byte of coded) {
    for (let shift = 7; shift >= 0; shift--) {
      code = (code << 1) | ((byte >> shift) & 1);
      bits++;
      if (bits > LONGEST) throw new HpackError('no such code');
      const { first, symbols } = CODES[bits]!;
      const symbol = code >= first ? symbols[code - first] : undefined;
      if (symbol === undefined) continue;
      if (symbol === END) throw new HpackError('the string ends inside');
      if (bytes.push(symbol) > most) throw new HpackError('a string is too long');
      [code, bits] = [0, 0];
    }
  }
  // What is left fills the last byte, with ones.
  if (bits > 7 || code !== (1 << bits) - 1) throw new HpackError('wrong padding');
  return Buffer.from(bytes);
}
