import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { Duplex } from 'node:stream';
import { fromBinary } from '@bufbuild/protobuf';
import { RefusalSchema } from '../../src/generated/proto/mandate/v1/refusal_pb';
import { X509SVIDResponseSchema } from '../../src/generated/proto/spiffe/workloadapi_pb';
import type { Obtained } from './attack-case';

const HEAD = 9;
const [DATA, HEADERS, RST_STREAM, CONTINUATION] = [0, 1, 3, 9];
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** What a stream brought: the frames of it alone, as if it had been the first of its connection. Attackers allow no header table. */
function asFirstStream(bytes: Buffer, stream: number): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at + HEAD <= bytes.length; at += HEAD + bytes.readUIntBE(at, 3)) {
    const frame = Buffer.from(bytes.subarray(at, at + HEAD + bytes.readUIntBE(at, 3)));
    if (frame.length < HEAD + frame.readUIntBE(0, 3)) break;
    if (frame.readUInt32BE(5) !== stream || ![DATA, HEADERS, RST_STREAM, CONTINUATION].includes(frame[3]!)) continue;
    frame.writeUInt32BE(1, 5);
    frames.push(frame);
  }
  return Buffer.concat(frames);
}

/** Reads what an attacker received on one stream, by playing it to an HTTP/2 client that did not take part. */
export async function obtainedFrom(bytes: Buffer, stream: number): Promise<Obtained> {
  const frames = asFirstStream(bytes, stream);
  if (frames.length === 0) return { kind: 'nothing', why: 'cut off' };
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const session = http2.connect('http://localhost', { createConnection: () => wire });
  session.on('error', () => undefined);
  try {
    const call = session.request({ ':method': 'POST' });
    const fields: http2.IncomingHttpHeaders = {};
    const body: Buffer[] = [];
    call.on('response', (headers) => Object.assign(fields, headers));
    call.on('trailers', (headers) => Object.assign(fields, headers));
    call.on('data', (chunk: Buffer) => body.push(chunk));
    call.on('error', () => undefined);
    await once(session, 'connect');
    // The stream exists once its request is on its way; only then may it be answered.
    await new Promise((resolve) => setImmediate(resolve));
    wire.push(Buffer.concat([EMPTY_SETTINGS, frames]));
    wire.push(null);
    if (!call.closed) await new Promise((resolve) => call.once('close', resolve));
    return judge(fields, Buffer.concat(body));
  } finally {
    session.destroy();
  }
}

const FRAME = 5;

function judge(fields: http2.IncomingHttpHeaders, body: Buffer): Obtained {
  if (body.length > FRAME && body.length >= FRAME + body.readUInt32BE(1)) {
    const spiffeIds = spiffeIdsIn(body.subarray(FRAME, FRAME + body.readUInt32BE(1)));
    return spiffeIds.length > 0 ? { kind: 'identity', spiffeIds } : { kind: 'deed', what: 'an answer' };
  }
  const refusal = fields['mandate-refusal-bin'];
  if (typeof refusal === 'string') return { kind: 'refused', code: fromBinary(RefusalSchema, Buffer.from(refusal, 'base64')).code };
  const status = fields['grpc-status'];
  return typeof status === 'string' ? { kind: 'refused', code: `status ${status}` } : { kind: 'nothing', why: 'cut off' };
}

/** Empty where these bytes are another message. */
function spiffeIdsIn(bytes: Buffer): string[] {
  try {
    const { svids } = fromBinary(X509SVIDResponseSchema, bytes);
    return svids.map(({ spiffeId }) => spiffeId).filter((id) => id.startsWith('spiffe://'));
  } catch {
    return [];
  }
}

const PKCS8_BYTES = 138;
const SEQUENCE = Buffer.from([0x30, 0x82]);

/** An SVID as it lay in the memory of its holder, certificates first and key last: an identity only if that key is a certificate's. */
export function identityStolen(bytes: Buffer): Obtained {
  const key = createPrivateKey({ key: bytes.subarray(-PKCS8_BYTES), format: 'der', type: 'pkcs8' });
  for (let at = bytes.indexOf(SEQUENCE); at >= 0; at = bytes.indexOf(SEQUENCE, at + 1)) {
    const certificate = certificateAt(bytes.subarray(at));
    const spiffeId = /URI:(spiffe:[^,]+)/.exec(certificate?.subjectAltName ?? '')?.[1];
    if (spiffeId !== undefined && certificate!.checkPrivateKey(key)) return { kind: 'identity', spiffeIds: [spiffeId] };
  }
  return { kind: 'nothing', why: 'no SVID that could be used' };
}

function certificateAt(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined; // another structure that begins alike
  }
}
