import { type HeaderBlock, HeaderBlocks } from './header-blocks';
import { type Frame, FRAME, FrameReader, isSettingsAck, PREFACE } from './http2-frames';
import { lacksAuthority } from './local-authority';

/** Clients say far less before their first request is whole. */
const MAX_BYTES = 128 * 1024;

/** How a connection goes on: as it is, or with its requests rewritten (AuthorityRewriting). `wait`: it has not said enough. */
export type Verdict = 'wait' | 'as-is' | 'rewritten';

/**
 * The first bytes of a connection, until its first request tells how it goes on. What is not HTTP/2, or does not keep to it, goes on as it is:
 * Node says what is to be said to it.
 */
export class ConnectionOpening {
  readonly #chunks: Buffer[] = [];
  readonly #frames = new FrameReader();
  readonly #blocks = new HeaderBlocks();
  /** What was read, without the acknowledgement that stays here. */
  readonly #kept: Buffer[] = [];
  #size = 0;
  #prefaceSeen = false;
  #announced = false;
  #acknowledged = false;
  #fine = false;

  read(chunk: Buffer): Verdict {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > MAX_BYTES) return this.#undecided;
    try {
      return this.#prefaceSeen ? this.#look(chunk) : this.#lookAtPreface();
    } catch {
      return this.#undecided;
    }
  }

  /** True once, where the client awaits our SETTINGS before it makes a request: they are to be sent. */
  announce(): boolean {
    if (this.#announced || !this.#prefaceSeen) return false;
    this.#announced = true;
    return true;
  }

  /** SETTINGS were sent, and their acknowledgement has not been taken out of `bytes`. */
  get unasked(): boolean {
    return this.#announced;
  }

  /** All that was read, for AuthorityRewriting. */
  get everything(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** All that was read, as Node is to see it where the connection goes on as it is. */
  get bytes(): Buffer {
    return this.#announced ? Buffer.concat([PREFACE, ...this.#kept, this.#frames.pending]) : this.everything;
  }

  /** Where our SETTINGS were announced, only AuthorityRewriting can keep their acknowledgement from Node. */
  get #undecided(): Verdict {
    return this.#announced ? 'rewritten' : 'as-is';
  }

  #lookAtPreface(): Verdict {
    const read = this.everything;
    if (!read.subarray(0, PREFACE.length).equals(PREFACE.subarray(0, read.length))) return 'as-is';
    if (read.length < PREFACE.length) return 'wait';
    this.#prefaceSeen = true;
    return this.#look(read.subarray(PREFACE.length));
  }

  #look(chunk: Buffer): Verdict {
    for (const frame of this.#frames.read(chunk)) {
      if (this.#announced && !this.#acknowledged && isSettingsAck(frame)) this.#acknowledged = true;
      else this.#kept.push(frame.bytes);
      if (this.#fine) continue;
      const block = this.#blocks.frame(frame);
      if (block === undefined && !before(frame)) return 'rewritten';
      if (isWhole(block) && lacksAuthority(block.fields)) return 'rewritten';
      if (isWhole(block)) this.#fine = true;
    }
    return this.#fine && (!this.#announced || this.#acknowledged) ? 'as-is' : 'wait';
  }
}

const isWhole = (block: HeaderBlock | 'within' | undefined): block is HeaderBlock => typeof block === 'object';

/** What clients send before their first request, and wait for no answer to. */
const before = ({ type }: Frame): boolean => type === FRAME.settings || type === FRAME.windowUpdate || type === FRAME.priority;
