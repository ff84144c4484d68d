/** What a client says first on a connection (RFC 9113 §3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const FRAME = { headers: 1, priority: 2, settings: 4, windowUpdate: 8, continuation: 9 } as const;
export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

const HEAD_BYTES = 9;
/** The largest payload a peer may send where our SETTINGS do not say otherwise. */
export const MAX_PAYLOAD_BYTES = 16 * 1024;

/** A connection that does not keep to HTTP/2. */
export class FrameError extends Error {}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
  /** As it was received. */
  readonly bytes: Buffer;
}

/** Cuts what a client sends after its preface into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Every frame that is whole by now. Throws FrameError for one that is too large. */
  read(chunk: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const length = rest.readUIntBE(0, 3);
      if (length > MAX_PAYLOAD_BYTES) throw new FrameError('a frame is too large');
      const end = HEAD_BYTES + length;
      if (rest.length < end) break;
      const [type, flags, stream] = [rest.readUInt8(3), rest.readUInt8(4), rest.readUInt32BE(5) & 0x7fff_ffff];
      frames.push({ type, flags, stream, payload: rest.subarray(HEAD_BYTES, end), bytes: rest.subarray(0, end) });
      rest = rest.subarray(end);
    }
    this.#pending = rest;
    return frames;
  }

  /** The bytes of a frame that is not whole yet. */
  get pending(): Buffer {
    return this.#pending;
  }
}

/** A frame as it is sent. */
export function frameBytes(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** SETTINGS that say nothing but that we are there. */
export const EMPTY_SETTINGS = frameBytes(FRAME.settings, 0, 0, Buffer.alloc(0));

export const isSettingsAck = ({ type, flags }: Frame): boolean => type === FRAME.settings && (flags & FLAG.ack) !== 0;
