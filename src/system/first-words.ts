import { FRAME, FrameReader, PREFACE } from './http2-frames';

const MAX_CONCURRENT_STREAMS = 3;
const SETTING_BYTES = 6;

/** SETTINGS that are cut are waited for up to here: those of every client are far shorter. */
const MAX_CUT_BYTES = 512;

/**
 * True where the first request of a client is worth waiting for, by what it said before: it asked already; or it allows us no streams, which no
 * server opens without a push, and which of all gRPC clients those in Java say. False for everybody else: they get HTTP/2 at once.
 * `undefined` where the client has not said its SETTINGS yet, wherever they are cut: many write them after the preface, in a write of their own.
 */
export function worthALook(said: Buffer): boolean | undefined {
  if (said.length < PREFACE.length) return undefined;
  try {
    const frames = new FrameReader().read(said.subarray(PREFACE.length));
    if (frames.length === 0 && said.length < MAX_CUT_BYTES) return undefined;
    return frames.some(({ type, payload }) => type === FRAME.headers || (type === FRAME.settings && allowsNoStreams(payload)));
  } catch {
    return false;
  }
}

function allowsNoStreams(settings: Buffer): boolean {
  for (let at = 0; at + SETTING_BYTES <= settings.length; at += SETTING_BYTES)
    if (settings.readUInt16BE(at) === MAX_CONCURRENT_STREAMS) return true;
  return false;
}
