import type { KeyObject } from 'node:crypto';
import { constants, generateKeyPair, sign } from 'node:crypto';
import type { JwtAlgorithm } from '../domain/jwt-key';

const RSA = { modulusLength: 2048, publicExponent: 65537 } as const;

/**
 * A fresh RSA key of an authority. Looking for its two primes takes 0.1 to 1 s of a processor, on another thread: requests are answered
 * meanwhile.
 */
export const generateRsaKey = (): Promise<KeyObject> =>
  new Promise((resolve, reject) =>
    generateKeyPair('rsa', RSA, (error, _publicKey, privateKey) => (error ? reject(error) : resolve(privateKey))),
  );

/** Makes the signature of a JWS over its signing input (RFC 7515 §5.1). */
type Sign = (key: KeyObject, input: Buffer) => Buffer | Promise<Buffer>;

/** RFC 7518 §3.4: R and S side by side. It takes 30 µs, less than a way to another thread and back. */
const es256: Sign = (key, input) => sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });

/** RFC 7518 §3.3. It takes a millisecond, in which nobody else would be answered: on another thread. */
const rs256: Sign = (key, input) =>
  new Promise((resolve, reject) =>
    sign('sha256', input, { key, padding: constants.RSA_PKCS1_PADDING }, (error, signature) =>
      error ? reject(error) : resolve(signature),
    ),
  );

export const JWS_SIGNATURE: Readonly<Record<JwtAlgorithm, Sign>> = { ES256: es256, RS256: rs256 };
