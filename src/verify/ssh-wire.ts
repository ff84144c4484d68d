/** Reads the data types of SSH (RFC 4251 §5) from bytes of others; every method throws RangeError past the end. */
export class SshReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  take(length: number): Buffer {
    if (length > this.bytes.length - this.#at) throw new RangeError('the bytes end too early');
    return this.bytes.subarray(this.#at, (this.#at += length));
  }

  uint32(): number {
    return this.take(4).readUInt32BE(0);
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  /** A string that must be this text. */
  expect(text: string): void {
    if (!this.string().equals(Buffer.from(text))) throw new RangeError(`${text} is expected`);
  }

  /** Nothing may follow: what one reader skips, another acts on. */
  end(): void {
    if (this.#at !== this.bytes.length) throw new RangeError('bytes follow the end');
  }
}

/** Strings of SSH one after the other, each behind its length. */
export const sshStrings = (...strings: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(
    strings.flatMap((string) => {
      const bytes = Buffer.from(string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
