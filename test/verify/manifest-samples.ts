import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { ManifestKey, ManifestStatement } from '../../src/domain/manifest';
import { envelopeText, preAuthEncoding } from '../../src/verify/dsse';
import { ed25519Bytes, manifestKeyId } from '../../src/verify/manifest-key';
import { statementPayload, STATEMENT_PAYLOAD_TYPE } from '../../src/verify/manifest-statement';

/** A key pair from a seed of one byte repeated, so that tests are the same each time. */
export function keyPair(byte: number): { readonly secret: KeyObject; readonly key: ManifestKey } {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]);
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { secret, key: { form: 'ed25519', bytes: ed25519Bytes(createPublicKey(secret)) } };
}

export const ALICE = keyPair(1);
export const BOB = keyPair(2);
export const HASH_A = 'aa'.repeat(32);
export const HASH_B = 'bb'.repeat(32);
export const HASH_C = 'cc'.repeat(32);

export const statement = (over: Partial<ManifestStatement> = {}): ManifestStatement => ({
  name: 'claude-code',
  kind: 'releases',
  version: 1,
  entries: [{ name: '2.0.0', sha256: HASH_A }],
  ...over,
});

/** An envelope around any payload, signed by each of the pairs. */
export function envelope(
  payload: Buffer | string,
  pairs: readonly ReturnType<typeof keyPair>[],
  payloadType = STATEMENT_PAYLOAD_TYPE,
): string {
  const bytes = Buffer.from(payload);
  const message = preAuthEncoding(payloadType, bytes);
  const signatures = pairs.map(({ secret, key }) => ({ keyId: manifestKeyId(key), sig: sign(null, message, secret) }));
  return envelopeText({ payloadType, payload: bytes, signatures });
}

export const signed = (over: Partial<ManifestStatement> = {}, pairs = [ALICE]): string =>
  envelope(statementPayload(statement(over)), pairs);
