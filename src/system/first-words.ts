import { FRAME, FrameReader, PREFACE } from './http2-frames';

const MAX_CONCURRENT_STREAMS = 3;
const SETTING_BYTES = 6;

/**
 * True where the first request of a client is worth waiting for, by what it said before: it asked already; or it allows us no streams, which no
 * server opens without a push, and which of all gRPC clients those in Java say; or it has not said enough. Everybody else gets HTTP/2 at once.
 */
export function worthALook(said: Buffer): boolean {
  if (said.length < PREFACE.length) return true;
  try {
    return new FrameReader()
      .read(said.subarray(PREFACE.length))
      .some(({ type, payload }) => type === FRAME.headers || (type === FRAME.settings && allowsNoStreams(payload)));
  } catch {
    return false;
  }
}

function allowsNoStreams(settings: Buffer): boolean {
  for (let at = 0; at + SETTING_BYTES <= settings.length; at += SETTING_BYTES)
    if (settings.readUInt16BE(at) === MAX_CONCURRENT_STREAMS) return true;
  return false;
}
