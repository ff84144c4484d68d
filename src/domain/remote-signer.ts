import { MandateError } from './errors';
import { AUTHORITY_KINDS } from './authority-life';
import type { AuthorityKind } from './authority-row';

/** The protocol of a remote signer (docs/remote-signer.md), as far as it is text: names, sizes, and the answers as they are read. */

/** What a key is for at the signer: one algorithm, for the life of the key. */
export const SIGNER_ALGORITHMS = ['ECDSA_P256_SHA256', 'RSA_PKCS1_2048_SHA256'] as const;
export type SignerAlgorithm = (typeof SIGNER_ALGORITHMS)[number];

export const SIGNER_ALGORITHM_OF: Readonly<Record<AuthorityKind, SignerAlgorithm>> = {
  x509: 'ECDSA_P256_SHA256',
  jwt: 'ECDSA_P256_SHA256',
  'jwt-rs256': 'RSA_PKCS1_2048_SHA256',
};

/** An answer is no longer than this, in bytes; a hundred keys fit. */
export const MAX_ANSWER_BYTES = 64 * 1024;
/** Keys that a list may hold; an installation has eight at most, unless its signer is left alone with what was to be destroyed. */
export const MAX_LISTED_KEYS = 100;
const MAX_PUBLIC_KEY_BYTES = 512;
const MAX_SIGNATURE_BYTES = 512;

/** A key as the signer tells of it. */
export interface SignerKey {
  readonly name: string;
  readonly algorithm: SignerAlgorithm;
  /** SubjectPublicKeyInfo DER, as the signer says. */
  readonly publicKey: Buffer;
}

/** Names of all keys of one installation begin with this; its id is a UUID. */
export const keyPrefix = (installationId: string): string => `mandate-${installationId.replaceAll('-', '')}-`;

/** Random bytes in the name of a key: nobody else has drawn the same. */
export const NAME_BYTES = 6;

/** Name of a new key, at most 63 characters of `a-z`, `0-9` and `-`: what every cloud takes. */
export const keyNameAtSigner = (prefix: string, kind: AuthorityKind, drawn: Buffer): string => `${prefix}${kind}-${drawn.toString('hex')}`;

/** The kind of authority that a key of this installation was made for; undefined where the name is not one that we gave. */
export function kindOfName(prefix: string, name: string): AuthorityKind | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const rest = name.slice(prefix.length);
  return AUTHORITY_KINDS.find((kind) => rest.startsWith(`${kind}-`) && /^[0-9a-f]{12}$/.test(rest.slice(kind.length + 1)));
}

/** A key in an answer. Throws E_SIGNER_ANSWER. */
export function readSignerKey(answer: unknown): SignerKey {
  const { name, algorithm, publicKey } = membersOf(answer);
  const known = SIGNER_ALGORITHMS.find((one) => one === algorithm);
  const spki = bytesOf(publicKey, MAX_PUBLIC_KEY_BYTES);
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,63}$/.test(name)) throw badAnswer('a key without a usable name');
  if (known === undefined) throw badAnswer('a key of an algorithm that is not known here');
  if (spki === undefined) throw badAnswer('a key without a public half in base64');
  return { name, algorithm: known, publicKey: spki };
}

/** The keys in an answer. Throws E_SIGNER_ANSWER. */
export function readSignerKeys(answer: unknown): readonly SignerKey[] {
  const { keys } = membersOf(answer);
  if (!Array.isArray(keys)) throw badAnswer('no list of keys');
  if (keys.length > MAX_LISTED_KEYS) throw badAnswer(`more than ${MAX_LISTED_KEYS} keys`);
  return keys.map(readSignerKey);
}

/** The signature in an answer, which proves nothing until it is verified. Throws E_SIGNER_ANSWER. */
export function readSignature(answer: unknown): Buffer {
  const signature = bytesOf(membersOf(answer)['signature'], MAX_SIGNATURE_BYTES);
  if (signature === undefined) throw badAnswer('no signature in base64');
  return signature;
}

function membersOf(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw badAnswer('no JSON object');
  return answer as Record<string, unknown>;
}

/** The bytes of a base64 text in its one form, with padding; at least one and at most `most`. */
function bytesOf(text: unknown, most: number): Buffer | undefined {
  if (typeof text !== 'string' || text === '' || text.length > Math.ceil(most / 3) * 4) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text && bytes.length <= most ? bytes : undefined;
}

/** The answer is not what was asked for. `why` is ours: nothing that a signer says is shown or logged, since it could be our token. */
export const badAnswer = (why: string): MandateError => new MandateError('E_SIGNER_ANSWER', { why });

/** True where the signer is the reason: it may be there again, or be mended, with nothing changed here. */
export const isSignerFault = (error: unknown): error is MandateError => error instanceof MandateError && error.code.startsWith('E_SIGNER_');
