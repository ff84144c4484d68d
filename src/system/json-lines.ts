import { Socket } from 'node:net';
import { MAX_LINE_BYTES } from '../domain/own-uid-protocol';

/** JSON objects, one a line, over a descriptor that is a stream socket. Whoever sends a longer line, or none, is hung up on. */
export class JsonLines<In, Out> {
  readonly #socket: Socket;
  #pending = '';

  /** `closed` is called once, when nothing more will come. */
  constructor(stream: number | Socket, heard: (message: In) => void, closed: () => void) {
    this.#socket = typeof stream === 'number' ? new Socket({ fd: stream }) : stream;
    this.#socket.on('error', () => undefined); // the end follows
    this.#socket.once('close', closed);
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      this.#pending += text;
      for (let end = this.#pending.indexOf('\n'); end >= 0; end = this.#pending.indexOf('\n')) {
        const line = this.#pending.slice(0, end);
        this.#pending = this.#pending.slice(end + 1);
        const message = objectOf(line);
        if (message === undefined) return this.close();
        heard(message as In);
      }
      if (this.#pending.length > MAX_LINE_BYTES) this.close();
    });
  }

  /** Calls `sent` once the line has left us, or cannot. */
  tell(message: Out, sent: () => void = () => undefined): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`, sent);
    else sent();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Keeps no process alive by itself. */
  unref(): void {
    this.#socket.unref();
  }
}

function objectOf(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
