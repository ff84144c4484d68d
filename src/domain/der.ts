/** The part of DER (X.690) that certificates need: written in one form, read strictly. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** Thrown by the reader; whoever asked turns it into an answer of its own. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Tag, shortest length and contents. Contents below 64 KiB. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const header = Buffer.alloc(headerBytes(body.length));
  writeHeader(header, 0, tag, body.length);
  return Buffer.concat([header, body]);
}

/** Size of tag and length in front of `length` content bytes. */
export const headerBytes = (length: number): number => (length < 0x80 ? 2 : length < 0x100 ? 3 : 4);

/** Writes tag and shortest length at `offset`; returns the offset behind them. */
export function writeHeader(out: Buffer, offset: number, tag: number, length: number): number {
  if (length >= 0x10000) throw new DerError('longer than 64 KiB');
  let at = offset;
  out[at++] = tag;
  if (length >= 0x100) {
    out[at++] = 0x82;
    out[at++] = length >> 8;
  } else if (length >= 0x80) {
    out[at++] = 0x81;
  }
  out[at++] = length & 0xff;
  return at;
}

/**
 * Reads forward through DER. Every method throws DerError where the bytes are not what was asked for, where a length is not in its
 * shortest form, or where contents reach beyond their frame.
 */
export class DerReader {
  constructor(
    readonly bytes: Buffer,
    public at = 0,
    readonly end = bytes.length,
  ) {}

  get done(): boolean {
    return this.at === this.end;
  }

  /** The next tag, or −1 at the end. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at]! : -1;
  }

  /** Steps over tag and length, and returns where the contents end. */
  enter(tag: number): number {
    const { bytes } = this;
    if (this.peek() !== tag) throw new DerError(`expected tag 0x${tag.toString(16)}`);
    let at = this.at + 1;
    let length = at < this.end ? bytes[at++]! : 0x80;
    if (length >= 0x80) {
      const octets = length - 0x80;
      if (octets < 1 || octets > 2 || at + octets > this.end) throw new DerError('length not in its shortest form');
      length = octets === 1 ? bytes[at]! : (bytes[at]! << 8) | bytes[at + 1]!;
      if (length < (octets === 1 ? 0x80 : 0x100)) throw new DerError('length not in its shortest form');
      at += octets;
    }
    if (at + length > this.end) throw new DerError('contents reach beyond their frame');
    this.at = at;
    return at + length;
  }

  /** A reader over the contents of the next element; this one moves behind it. */
  open(tag: number): DerReader {
    const end = this.enter(tag);
    const inner = new DerReader(this.bytes, this.at, end);
    this.at = end;
    return inner;
  }

  /** Contents of the next element. */
  contents(tag: number): Buffer {
    const end = this.enter(tag);
    const contents = this.bytes.subarray(this.at, end);
    this.at = end;
    return contents;
  }

  /** The next element whole, with tag and length. */
  element(tag: number): Buffer {
    const start = this.at;
    this.at = this.enter(tag);
    return this.bytes.subarray(start, this.at);
  }

  /** Steps over exactly these bytes; false, and no step, where they are not next. */
  skip(expected: Buffer): boolean {
    const end = this.at + expected.length;
    if (end > this.end || this.bytes.compare(expected, 0, expected.length, this.at, end) !== 0) return false;
    this.at = end;
    return true;
  }

  /** An optional BOOLEAN DEFAULT FALSE: DER leaves FALSE out and writes TRUE as 0xff. */
  flag(): boolean {
    if (this.peek() !== TAG.boolean) return false;
    const contents = this.contents(TAG.boolean);
    if (contents.length !== 1 || contents[0] !== 0xff) throw new DerError('a BOOLEAN that is not TRUE in DER');
    return true;
  }

  /** Throws where something is left. */
  finish(): void {
    if (!this.done) throw new DerError('trailing bytes');
  }
}

/** The values of a concatenation, each with its tag and length, as the Workload API carries certificates. Throws DerError. */
export function derElements(bytes: Buffer): readonly Buffer[] {
  const reader = new DerReader(bytes);
  const elements: Buffer[] = [];
  while (!reader.done) {
    const from = reader.at;
    reader.at = reader.enter(TAG.sequence);
    elements.push(bytes.subarray(from, reader.at));
  }
  return elements;
}
