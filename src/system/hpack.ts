import { HpackError } from './hpack-error';
import { huffmanDecoded } from './hpack-huffman';
import { type HeaderField, HeaderTable, sizeOf } from './hpack-table';

/** Of all fields of a block together, as tables count them; Node takes no more either. */
const MAX_LIST_BYTES = 64 * 1024;
/** Continuation bytes of an integer: more would only be zeros, or a number nothing here can have. */
const MAX_INTEGER_BYTES = 4;

/** Reads the header blocks of one side of a connection, each of them once and in order (RFC 7541). */
export class HpackReader {
  readonly #table = new HeaderTable();

  /** The fields of a whole block. Throws HpackError; the connection is lost then. */
  fields(block: Buffer): readonly HeaderField[] {
    const bytes = new Bytes(block);
    const fields: HeaderField[] = [];
    let listed = 0;
    while (!bytes.done) {
      const field = this.#next(bytes, fields.length === 0);
      if (field === undefined) continue;
      listed += sizeOf(field);
      if (listed > MAX_LIST_BYTES) throw new HpackError('the headers are too large');
      fields.push(field);
    }
    return fields;
  }

  /** Undefined for what only changes the table. */
  #next(bytes: Bytes, first: boolean): HeaderField | undefined {
    const head = bytes.peek();
    if (head & 0x80) return this.#table.at(bytes.integer(7));
    if (head & 0x40) {
      const field = this.#literal(bytes, 6, false);
      this.#table.add(field);
      return field;
    }
    if (head & 0x20) {
      if (!first) throw new HpackError('the table is resized between fields');
      this.#table.resize(bytes.integer(5));
      return undefined;
    }
    return this.#literal(bytes, 4, (head & 0x10) !== 0);
  }

  #literal(bytes: Bytes, prefix: number, never: boolean): HeaderField {
    const index = bytes.integer(prefix);
    const name = index === 0 ? bytes.string() : this.#table.at(index).name;
    return { name, value: bytes.string(), never };
  }
}

/** A block of literals that no table is needed for. */
export function literalBlock(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(fields.flatMap(({ name, value, never }) => [Buffer.of(never ? 0x10 : 0), literal(name), literal(value)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([integer(bytes.length, 0x7f), bytes]);
}

/** RFC 7541 §5.1, in a byte whose other bits are zero. */
function integer(value: number, most: number): Buffer {
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** The bytes of a block, from the first to the last. */
class Bytes {
  #at = 0;

  constructor(private readonly block: Buffer) {}

  get done(): boolean {
    return this.#at >= this.block.length;
  }

  peek(): number {
    const byte = this.block[this.#at];
    if (byte === undefined) throw new HpackError('the block ends inside a field');
    return byte;
  }

  integer(prefix: number): number {
    const most = (1 << prefix) - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let count = 0; count < MAX_INTEGER_BYTES; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) << (7 * count);
      if (!(byte & 0x80)) return value;
    }
    throw new HpackError('a number is too large');
  }

  string(): string {
    const coded = (this.peek() & 0x80) !== 0;
    const length = this.integer(7);
    const end = this.#at + length;
    if (end > this.block.length) throw new HpackError('the block ends inside a string');
    const bytes = this.block.subarray(this.#at, end);
    this.#at = end;
    return (coded ? huffmanDecoded(bytes, MAX_LIST_BYTES) : bytes).toString('latin1');
  }

  #byte(): number {
    const byte = this.peek();
    this.#at++;
    return byte;
  }
}
