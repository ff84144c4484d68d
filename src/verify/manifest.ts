import { createHash } from 'node:crypto';
import { MandateError } from '../domain/errors';
import { type ManifestKey, type ManifestStatement, MAX_MANIFEST_KEYS } from '../domain/manifest';
import { preAuthEncoding, readEnvelope } from './dsse';
import { manifestKeyId, verifiedBy } from './manifest-key';
import { readStatement, STATEMENT_PAYLOAD_TYPE } from './manifest-statement';

/** A statement that a trusted key signed. */
export interface VerifiedManifest {
  readonly statement: ManifestStatement;
  /** The trusted key that signed it; of several the first. */
  readonly keyId: string;
  /** SHA-256 of the signed payload, lower-case hex. */
  readonly statementSha256: string;
}

/**
 * The statement in a DSSE envelope, if one of `keys` signed it; signatures of others are neither needed nor in the way. The payload is
 * parsed only after that, and exactly the bytes that were signed. Throws E_MANIFEST_INVALID, E_MANIFEST_SIGNATURE.
 */
export function verifyManifest(text: string, keys: readonly ManifestKey[]): VerifiedManifest {
  const envelope = readEnvelope(text);
  if (envelope.payloadType !== STATEMENT_PAYLOAD_TYPE)
    throw new MandateError('E_MANIFEST_INVALID', { why: `the payload of the envelope is not ${STATEMENT_PAYLOAD_TYPE}` });
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  const signer = keys.slice(0, MAX_MANIFEST_KEYS).find((key) => envelope.signatures.some(({ sig }) => verifiedBy(key, message, sig)));
  if (!signer)
    throw new MandateError('E_MANIFEST_SIGNATURE', {
      saw: envelope.signatures.length === 1 ? 'one signature' : `${envelope.signatures.length} signatures`,
      why: `none of them is by ${keys.map(manifestKeyId).join(' or ')}`,
    });
  const statementSha256 = createHash('sha256').update(envelope.payload).digest('hex');
  return { statement: readStatement(envelope.payload), keyId: manifestKeyId(signer), statementSha256 };
}
