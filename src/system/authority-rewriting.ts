import { Transform, type TransformCallback } from 'node:stream';
import { type HeaderBlock, HeaderBlocks } from './header-blocks';
import { literalBlock } from './hpack';
import { FLAG, FRAME, frameBytes, FrameReader, isSettingsAck, MAX_PAYLOAD_BYTES, PREFACE } from './http2-frames';
import { withAuthority } from './local-authority';

/**
 * What a client sends, with every request for an authority that Node takes. Header blocks depend on all blocks before them (HPACK), so each is read
 * with the client's table and written as literals that need no table: both ends stay in step whatever was changed. All other frames pass as
 * they are. `unasked`: SETTINGS were sent to the client that Node does not know of, so their acknowledgement, the first one, stays here.
 */
export class AuthorityRewriting extends Transform {
  readonly #frames = new FrameReader();
  readonly #blocks = new HeaderBlocks();
  #prefaceLeft = PREFACE.length;

  constructor(private unasked: boolean) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      const preface = chunk.subarray(0, this.#prefaceLeft);
      this.#prefaceLeft -= preface.length;
      if (preface.length > 0) this.push(preface);
      for (const frame of this.#frames.read(chunk.subarray(preface.length))) {
        const block = this.#blocks.frame(frame);
        if (block === undefined && this.unasked && isSettingsAck(frame)) this.unasked = false;
        else if (block === undefined) this.push(frame.bytes);
        else if (block !== 'within') this.#write(block);
      }
      done();
    } catch (thrown) {
      done(thrown as Error);
    }
  }

  #write({ stream, endStream, fields }: HeaderBlock): void {
    const block = literalBlock(withAuthority(fields));
    for (let at = 0; at === 0 || at < block.length; at += MAX_PAYLOAD_BYTES) {
      const last = at + MAX_PAYLOAD_BYTES >= block.length;
      const flags = (last ? FLAG.endHeaders : 0) | (at === 0 && endStream ? FLAG.endStream : 0);
      this.push(frameBytes(at === 0 ? FRAME.headers : FRAME.continuation, flags, stream, block.subarray(at, at + MAX_PAYLOAD_BYTES)));
    }
  }
}
