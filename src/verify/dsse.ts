import { MandateError } from '../domain/errors';
import { isObject, parseStrictJson } from './strict-json';

/** Largest envelope in bytes; checked before it is parsed. */
export const MAX_ENVELOPE_BYTES = 512 * 1024;
const MAX_SIGNATURES = 8;
/** An SSHSIG by an Ed25519 key has about 220. */
const MAX_SIGNATURE_BYTES = 1024;

/** A DSSE envelope as it was read; nothing of it is verified yet. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** Which key its maker says it is of: a hint and no more, since it is not signed. */
  readonly keyId: string;
  readonly sig: Buffer;
}

/** What a DSSE signature is made over: type and body behind their lengths in bytes, so that one can never pass for the other. */
export const preAuthEncoding = (payloadType: string, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);

/**
 * Reads a DSSE envelope (secure-systems-lab/dsse, envelope.md 1.0.2). Unknown members are ignored, as it asks for; a member twice, base64
 * with stray bits, and anything beyond the bounds is refused. Throws E_MANIFEST_INVALID.
 */
export function readEnvelope(text: string): Envelope {
  if (Buffer.byteLength(text) > MAX_ENVELOPE_BYTES) throw invalid(`an envelope has at most ${MAX_ENVELOPE_BYTES / 1024} KiB`);
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (cause) {
    throw invalid('the envelope is not JSON, or names a member twice', cause);
  }
  if (!isObject(value)) throw invalid('the envelope is no JSON object');
  const { payloadType, payload, signatures } = value;
  if (typeof payloadType !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(payloadType)) throw invalid('the envelope has no payloadType');
  if (!Array.isArray(signatures)) throw invalid('the envelope has no list of signatures');
  if (signatures.length > MAX_SIGNATURES) throw invalid(`the envelope has more than ${MAX_SIGNATURES} signatures`);
  return { payloadType, payload: base64(payload, 'payload'), signatures: signatures.map(readSignature) };
}

function readSignature(value: unknown): EnvelopeSignature {
  if (!isObject(value)) throw invalid('a signature is no JSON object');
  const { keyid = '' } = value;
  if (typeof keyid !== 'string' || !/^[\x20-\x7e]{0,256}$/.test(keyid)) throw invalid('the keyid of a signature is no short ASCII text');
  const sig = base64(value['sig'], 'sig');
  if (sig.length === 0 || sig.length > MAX_SIGNATURE_BYTES) throw invalid(`a signature has 1 to ${MAX_SIGNATURE_BYTES} bytes`);
  return { keyId: keyid, sig };
}

/** Standard or URL-safe base64 in its one form each: with stray bits, two texts would be one signature. */
function base64(value: unknown, name: string): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    const standard = bytes.toString('base64');
    if (value === standard || value === standard.replaceAll('+', '-').replaceAll('/', '_')) return bytes;
  }
  throw invalid(`the ${name} of the envelope is not base64`);
}

/** The envelope as a JSON document, ending in a line break. */
export const envelopeText = ({ payloadType, payload, signatures }: Envelope): string =>
  `${JSON.stringify(
    {
      payloadType,
      payload: payload.toString('base64'),
      signatures: signatures.map(({ keyId, sig }) => ({ keyid: keyId, sig: sig.toString('base64') })),
    },
    undefined,
    2,
  )}\n`;

const invalid = (why: string, cause?: unknown) => new MandateError('E_MANIFEST_INVALID', { why }, { cause });
