import { HpackReader } from './hpack';
import type { HeaderField } from './hpack-table';
import { FLAG, type Frame, FRAME, FrameError } from './http2-frames';

/** Of the frames of one block together: what it may grow to is bounded by HpackReader. */
const MAX_BLOCK_BYTES = 64 * 1024;
/** Frames of one block: empty ones cost as well. */
const MAX_BLOCK_FRAMES = 32;

/** A whole header block. */
export interface HeaderBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly fields: readonly HeaderField[];
}

/** Puts header blocks together from HEADERS and CONTINUATION frames, padded or not, and reads them in order. */
export class HeaderBlocks {
  readonly #reader = new HpackReader();
  #begun: Frame | undefined;
  #parts: Buffer[] = [];

  /** `within` where the frame is part of a block that goes on, undefined where it is of no block. Throws FrameError and HpackError. */
  frame(frame: Frame): HeaderBlock | 'within' | undefined {
    const begun = this.#begun;
    if (begun ? frame.type !== FRAME.continuation || frame.stream !== begun.stream : frame.type === FRAME.continuation) {
      throw new FrameError('a header block is not in order');
    }
    if (!begun && frame.type !== FRAME.headers) return undefined;
    if (!begun) this.#begun = frame;
    this.#parts.push(begun ? frame.payload : fragment(frame));
    const bytes = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes > MAX_BLOCK_BYTES || this.#parts.length > MAX_BLOCK_FRAMES) throw new FrameError('a header block is too large');
    return frame.flags & FLAG.endHeaders ? this.#whole(begun ?? frame) : 'within';
  }

  #whole({ stream, flags }: Frame): HeaderBlock {
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#begun = undefined;
    return { stream, endStream: (flags & FLAG.endStream) !== 0, fields: this.#reader.fields(block) };
  }
}

/** What is left of HEADERS without padding and priority (RFC 9113 §6.2). */
function fragment({ flags, payload }: Frame): Buffer {
  const padded = (flags & FLAG.padded) !== 0;
  const padding = padded ? (payload[0] ?? 0) : 0;
  const start = (padded ? 1 : 0) + (flags & FLAG.priority ? 5 : 0);
  if (start + padding > payload.length) throw new FrameError('padding is longer than its frame');
  return payload.subarray(start, payload.length - padding);
}
