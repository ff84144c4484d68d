import { connect, type Socket } from 'node:net';
import { frameBytes, FRAME, FrameReader, isSettingsAck, PREFACE } from '../../src/system/http2-frames';

const [RESET, DATA, GOAWAY] = [3, 0, 7];
const [END_STREAM, END_HEADERS, PADDED, PRIORITY] = [1, 4, 8, 0x20];
const NOTHING = Buffer.alloc(0);
/** MAX_CONCURRENT_STREAMS: 0. */
const NO_STREAMS = Buffer.of(0, 3, 0, 0, 0, 0);

/** A literal that enters the table, with a name and a value that are not coded. */
export const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0x40, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);

export interface Manner {
  /** Says nothing in its SETTINGS, as most do; else it allows no streams, as grpc-java. */
  readonly plain?: boolean;
  /** Makes its requests only after it has seen SETTINGS, as grpc-go and grpc-java do. */
  readonly waits?: boolean;
  /** Sends a block as padded HEADERS with priority, then as CONTINUATION frames. */
  readonly split?: boolean;
  /** Sends every byte by itself. */
  readonly trickles?: boolean;
}

/** What came back on the streams of a connection: messages, `reset N` or `goaway N`, and `closed` at its end. */
export type Heard = readonly string[];

/** Sends requests for a gRPC call on one connection, one after another, header block by header block as given. */
export async function requests(socketPath: string, blocks: readonly Buffer[], manner: Manner = {}): Promise<Heard> {
  const socket = connect(socketPath);
  const frames = new FrameReader();
  const heard: string[] = [];
  const left = [...blocks];
  let stream = -1;
  let sending = Promise.resolve();
  /** One after another: a frame that was begun is ended before the next. */
  const say = (bytes: Buffer): Promise<void> => (sending = sending.then(() => send(socket, bytes, manner)));
  const next = async (): Promise<void> => {
    const block = left.shift();
    stream += 2;
    if (block === undefined) return void socket.destroy();
    await say(Buffer.concat([headers(stream, block, manner), frameBytes(DATA, END_STREAM, stream, Buffer.of(0, 0, 0, 0, 1, 7))]));
  };
  socket.on('error', () => undefined);
  socket.on('connect', () => {
    const opening = Buffer.concat([PREFACE, frameBytes(FRAME.settings, 0, 0, manner.plain === true ? NOTHING : NO_STREAMS)]);
    void say(opening).then(() => (manner.waits === true ? undefined : next()));
  });
  socket.on('data', (chunk: Buffer) => {
    for (const frame of frames.read(chunk)) {
      const { type, flags, payload } = frame;
      if (type === FRAME.settings && !isSettingsAck(frame)) {
        void say(frameBytes(FRAME.settings, 1, 0, NOTHING));
        if (manner.waits === true && stream < 0) void next();
      } else if (type === DATA) heard.push(payload.subarray(5).toString());
      else if (type === RESET) heard.push(`reset ${payload.readUInt32BE(0)}`);
      else if (type === GOAWAY) heard.push(`goaway ${payload.readUInt32BE(4)}`);
      if (type === RESET || (type === FRAME.headers && (flags & END_STREAM) !== 0)) void next();
    }
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return left.length > 0 ? [...heard, 'closed'] : heard;
}

function headers(stream: number, block: Buffer, { split }: Manner): Buffer {
  if (split !== true) return frameBytes(FRAME.headers, END_HEADERS, stream, block);
  const begun = Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 9), block.subarray(0, 7), Buffer.alloc(3)]);
  return Buffer.concat([
    frameBytes(FRAME.headers, PADDED | PRIORITY, stream, begun),
    frameBytes(FRAME.continuation, 0, stream, NOTHING),
    frameBytes(FRAME.continuation, 0, stream, block.subarray(7, 8)),
    frameBytes(FRAME.continuation, END_HEADERS, stream, block.subarray(8)),
  ]);
}

async function send(socket: Socket, bytes: Buffer, { trickles }: Manner): Promise<void> {
  if (trickles !== true) return void socket.write(bytes);
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
